import type { Turn } from '../../../src/agent/models/scripted';

/** A request that is not answered, as the provider would say so. */
export interface Refusal {
  status: number;
  message: string;
  /** OpenAI's `code`, Anthropic's `type`. */
  code?: string;
  param?: string;
}

/** What the server asks of a request. */
export interface Rules {
  key: string;
  models: readonly string[];
  refuses: readonly string[];
}

export type Body = Record<string, unknown>;

/** One wire protocol: what it refuses, and how it writes. `usage` undefined: computed; null: left out. */
export interface Protocol {
  name: 'openai' | 'anthropic';
  headers: Record<string, string>;
  contextRefusal: Refusal;
  quotaRefusal: Refusal;
  refuse(headers: Headers, body: Body | null, text: string, rules: Rules): Refusal | null;
  error(refusal: Refusal, headers?: Record<string, string>): Response;
  /** Server-sent events, each whole. */
  frames(body: Body, turn: Turn, usage: Body | null | undefined): string[];
  whole(body: Body, turn: Turn, usage: Body | null | undefined): Body;
  malformed(): string;
  errorEvent(): string;
}

/** What both refuse before they look at the messages. */
export function refuseBasics(body: Body | null, text: string, rules: Rules): Refusal | null {
  if (!body) return { status: 400, message: 'We could not parse the JSON body of your request.' };
  if (/\\u0000/.test(text) || /\\u[dD][89a-fA-F][0-9a-fA-F]{2}/.test(text)) {
    return {
      status: 400,
      message: 'The request body is not valid JSON: NUL or a lone surrogate in a string',
    };
  }
  if (typeof body.model !== 'string') return { status: 400, message: 'you must provide a model parameter' };
  if (!rules.models.includes(body.model)) {
    return { status: 404, code: 'model_not_found', message: `The model \`${body.model}\` does not exist` };
  }
  for (const name of rules.refuses) {
    if (name in body) {
      return {
        status: 400,
        code: 'unsupported_parameter',
        param: name,
        message: `Unsupported parameter: '${name}' is not supported with this model.`,
      };
    }
  }
  if (!Array.isArray(body.messages) || body.messages.length === 0) {
    return { status: 400, message: 'messages: at least one message is required' };
  }
  return null;
}

export function words(text: string | undefined): string[] {
  return text?.match(/\S*\s+|\S+/g) ?? [];
}

/** Tool arguments in pieces of a few characters, as they are generated. */
export function pieces(text: string): string[] {
  return text.match(/[\s\S]{1,7}/gu) ?? [];
}

export function argumentsOf(call: { arguments: unknown }): string {
  return typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments);
}

export function tokens(text: string): number {
  return Math.ceil(text.length / 4);
}
