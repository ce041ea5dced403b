import type { ToolCall, ToolMessage } from '../../core/conversation';
import { coalesce } from '../coalesce';
import type { Environment } from '../environment';
import type { Journal } from '../journal';
import { fit, oneLine, withoutCodes } from './text';
import type { Tool, ToolResult } from './tool';

/** Characters of one call's output that are streamed to those who watch. */
const streamLimit = 256 * 1024;
/** Text in a call's arguments beyond this is cut in the event; the answer that holds the call has it whole. */
const shownArgument = 2000;

export interface CallInput {
  call: ToolCall;
  /** Counts the variation's tool calls. */
  number: number;
  tools: readonly Tool[];
  environment: Environment;
  journal: Journal;
  signal: AbortSignal;
  /** May add to what the model is told of the result. */
  note?: (result: ToolResult) => string | null;
}

/**
 * Runs one tool call and records it. What the model did wrong (an unknown tool, arguments that are not JSON or not
 * valid) is the answer, never an exception.
 * @throws AbortError, Fenced and what the environment throws.
 */
export async function runCall(input: CallInput): Promise<{ message: ToolMessage; result: ToolResult }> {
  const { call, number, journal, signal } = input;
  const tool = input.tools.find((one) => one.spec.name === call.name);
  const title = tool && call.arguments ? tool.title(call.arguments) : oneLine(call.name);
  tellStart(input, title);
  const started = performance.now();
  const stream = coalesce<'stdout' | 'stderr'>(
    (kind, text) => journal.emit({ type: 'tool.output', payload: { tool: number, stream: kind, text } }),
    { limit: streamLimit },
  );
  try {
    const result = await answerOf(input, tool, (kind, text) => stream.push(kind, text));
    signal.throwIfAborted();
    stream.flush();
    const note = input.note?.(result);
    const output = withoutCodes(note ? `${result.output}\n\n${note}` : result.output);
    journal.emit({
      type: 'tool.finished',
      payload: finishedPayload(input, result, output, performance.now() - started),
    });
    return {
      message: { role: 'tool', tool_call_id: call.id, name: call.name, text: output, is_error: !result.ok },
      result,
    };
  } finally {
    // Stopped: what came up to here is still shown.
    stream.flush();
  }
}

/** Answers a call without running it, and records that. */
export function answerCall(input: Omit<CallInput, 'note'>, reason: string, ok = false): ToolMessage {
  const { call, journal } = input;
  const text = withoutCodes(reason);
  tellStart(input, oneLine(call.name));
  const payload = finishedPayload(input, { ok, output: text, truncated: false }, text, 0);
  journal.emit({ type: 'tool.finished', payload });
  return { role: 'tool', tool_call_id: call.id, name: call.name, text, is_error: !ok };
}

function tellStart({ call, number, journal }: Omit<CallInput, 'note'>, title: string): void {
  const { id, name } = call;
  const payload = { tool: number, id, name, arguments: shortened(call.arguments ?? call.raw ?? null), title };
  journal.emit({ type: 'tool.started', payload });
}

async function answerOf(
  input: CallInput,
  tool: Tool | undefined,
  onOutput: (stream: 'stdout' | 'stderr', text: string) => void,
): Promise<ToolResult> {
  const { call, environment, journal, signal } = input;
  if (!tool) {
    const names = input.tools.map((one) => one.spec.name).join(', ');
    return wrong(`There is no tool "${oneLine(call.name, 60)}" here. The tools are: ${names}`);
  }
  if (call.arguments === null) {
    return wrong(
      `The arguments of ${call.name} were not a JSON object, so it was not run: ${notJson(call.raw ?? '')}. ` +
        'Call it again with valid JSON.',
    );
  }
  return tool.run(call.arguments, { environment, journal, signal, onOutput });
}

function wrong(output: string): ToolResult {
  return { ok: false, output, truncated: false };
}

/** What the parser says, and where it began to go wrong. */
function notJson(raw: string): string {
  if (raw.trim() === '') return 'they were empty';
  try {
    JSON.parse(raw);
    return `they were ${fit(oneLine(raw), 80).text}`;
  } catch (error) {
    return `${error instanceof Error ? oneLine(error.message) : 'unreadable'}, in ${oneLine(raw, 120)}`;
  }
}

function finishedPayload(
  input: Omit<CallInput, 'note'>,
  result: ToolResult,
  output: string,
  duration: number,
) {
  return {
    tool: input.number,
    id: input.call.id,
    name: input.call.name,
    ok: result.ok,
    ...(result.exit_code === undefined ? {} : { exit_code: result.exit_code }),
    duration_ms: Math.round(duration),
    truncated: result.truncated,
    output,
  };
}

function shortened(value: unknown): unknown {
  if (typeof value === 'string') {
    if (value.length <= shownArgument) return value;
    return `${value.slice(0, shownArgument).toWellFormed()}… [${value.length} characters]`;
  }
  if (Array.isArray(value)) return value.map(shortened);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shortened(inner)]));
}
