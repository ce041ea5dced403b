import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { ToolCall } from '../../core/conversation';
import { type Model, ModelError, type ModelProfile, type ModelRequest, type ModelResponse } from '../model';
import { abortError, type Sleep, sleep } from './abort';
import { readArguments } from './conversation';
import { costOf, priceOf } from './prices';
import { estimateUsage } from './usage';

const maxChars = 1_000_000;
const count = Type.Integer({ minimum: 0, maximum: 1_000_000_000 });

const turnSchema = Type.Object(
  {
    thinking: Type.Optional(Type.String({ maxLength: maxChars })),
    text: Type.Optional(Type.String({ maxLength: maxChars })),
    tool_calls: Type.Optional(
      Type.Array(
        Type.Object(
          {
            name: Type.String({ minLength: 1, maxLength: 128 }),
            /** A string is taken as what a provider sent: malformed JSON stays malformed. */
            arguments: Type.Union([
              Type.Record(Type.String(), Type.Unknown()),
              Type.String({ maxLength: maxChars }),
            ]),
          },
          { additionalProperties: false },
        ),
        { maxItems: 100 },
      ),
    ),
    usage: Type.Optional(
      Type.Partial(
        Type.Object({
          input_tokens: count,
          output_tokens: count,
          cached_tokens: count,
          reasoning_tokens: count,
        }),
        { additionalProperties: false },
      ),
    ),
    /** Before the answer starts, milliseconds. */
    delay_ms: Type.Optional(Type.Integer({ minimum: 0, maximum: 60_000 })),
    /** Between streamed pieces, milliseconds. */
    chunk_ms: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 })),
    /** No answer: this failure instead. */
    error: Type.Optional(
      Type.Object(
        {
          code: Type.Union([
            Type.Literal('model_unavailable'),
            Type.Literal('model_refused'),
            Type.Literal('context_exceeded'),
          ]),
          message: Type.String({ maxLength: 1000 }),
        },
        { additionalProperties: false },
      ),
    ),
    finish_reason: Type.Optional(
      Type.Union([Type.Literal('stop'), Type.Literal('tool_calls'), Type.Literal('length')]),
    ),
  },
  { additionalProperties: false },
);

const scenarioSchema = Type.Object(
  {
    turns: Type.Array(turnSchema, { maxItems: 10_000 }),
    /** What comes past the last turn: that turn again, or a plain final message (the default). */
    after: Type.Optional(Type.Union([Type.Literal('repeat-last'), Type.Literal('finish')])),
  },
  { additionalProperties: false },
);

export type Scenario = Static<typeof scenarioSchema>;
export type Turn = Static<typeof turnSchema>;

/** Said past the end of a scenario. */
export const scenarioOver = 'The scenario is over.';

/**
 * Reads a scenario: what the scripted model answers, turn by turn.
 * @throws Error that names the first wrong place, as in `scenario.turns[2].delay_ms: Expected integer …`.
 */
export function parseScenario(value: unknown): Scenario {
  if (Value.Check(scenarioSchema, value)) return value;
  const first = Value.Errors(scenarioSchema, value).First();
  const place = (first?.path ?? '').replace(/\/(\d+)(?=\/|$)/g, '[$1]').replaceAll('/', '.');
  throw new Error(`scenario${place}: ${first?.message ?? 'not a scenario'}`);
}

/** The turn that answers a conversation with this many assistant messages in it. */
export function turnAt(scenario: Scenario, assistantMessages: number): Turn {
  const turn = scenario.turns[assistantMessages];
  if (turn) return turn;
  return (scenario.after === 'repeat-last' && scenario.turns.at(-1)) || { text: scenarioOver };
}

/**
 * A model that answers from the profile's scenario, the same every time. It remembers nothing: the turn follows from
 * the number of assistant messages in the conversation, so that a resumed variation goes on where it was.
 * @throws Error of `parseScenario`.
 */
export function scriptedModel(profile: ModelProfile, timeoutMs: number, wait: Sleep = sleep): Model {
  const scenario = parseScenario(profile.scenario);
  return {
    provider: 'scripted',
    name: profile.model,
    contextTokens: profile.context_tokens,
    maxTokens: profile.max_tokens,
    async respond(request) {
      const started = performance.now();
      const position = request.messages.filter((message) => message.role === 'assistant').length;
      const turn = turnAt(scenario, position);
      await play(turn, request, timeoutMs, wait);
      return answer(turn, position, profile, request, performance.now() - started);
    },
  };
}

/** Waits and streams as the turn says; a turn that would outlast the time-out fails when it is reached. */
async function play(turn: Turn, request: ModelRequest, timeoutMs: number, wait: Sleep): Promise<void> {
  let left = timeoutMs;
  const pause = async (ms: number) => {
    if (request.signal.aborted) throw abortError();
    if (ms > 0) await wait(Math.min(ms, left), request.signal);
    left -= ms;
    if (left < 0) throw new ModelError('model_unavailable', `No whole answer within ${timeoutMs / 1000} s`);
  };
  await pause(turn.delay_ms ?? 0);
  if (turn.error) throw new ModelError(turn.error.code, turn.error.message);
  for (const kind of ['thinking', 'text'] as const) {
    for (const word of turn[kind]?.match(/\S*\s+|\S+/g) ?? []) {
      request.onDelta?.(kind, word);
      // Checked after each piece: its receiver may have asked to stop.
      await pause(turn.chunk_ms ?? 0);
    }
  }
}

function answer(
  turn: Turn,
  position: number,
  profile: ModelProfile,
  request: ModelRequest,
  latencyMs: number,
): ModelResponse {
  const toolCalls = (turn.tool_calls ?? []).map((call, index): ToolCall => {
    const id = `call_${position + 1}_${index + 1}`;
    if (typeof call.arguments === 'string') return { id, name: call.name, ...readArguments(call.arguments) };
    // A copy: whoever runs the tool may change it, and the next variation gets the same turn.
    return { id, name: call.name, arguments: structuredClone(call.arguments) };
  });
  const text = turn.text ?? '';
  const usage = { ...estimateUsage(request, text, turn.thinking ?? '', toolCalls), ...turn.usage };
  return {
    message: { role: 'assistant', text, tool_calls: toolCalls },
    finish_reason: turn.finish_reason ?? (toolCalls.length > 0 ? 'tool_calls' : 'stop'),
    usage,
    cost_usd: costOf(usage, priceOf(profile)),
    latency_ms: Math.round(latencyMs),
    provider: 'scripted',
    model: profile.model,
  };
}
