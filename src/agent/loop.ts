import type { Message, ToolCall } from '../core/conversation';
import { VariationFailure } from '../core/failure';
import { ask } from './ask';
import { compact, roomFor } from './context';
import { complaintOf, lastSummary, type Past, unanswered, withoutCalls } from './history';
import type { Journal } from './journal';
import type { Model, ModelResponse } from './model';
import { type Assignment, firstPrompt, fixedTokens, systemPrompt } from './prompt';
import { offered } from './tools';
import { refuseCall, runCall } from './tools/call';
import { repetitions } from './tools/repeated';
import type { Patch, Workspace } from './workspace';

export type { Assignment } from './prompt';

export interface WorkInput {
  assignment: Assignment;
  model: Model;
  workspace: Workspace;
  journal: Journal;
  /** Its reason is what `work` then throws: `VariationFailure` `stopped` or `timeout`, or `Fenced`. */
  signal: AbortSignal;
  /** Where it goes on after a pause or a crash: calls that were not answered are run first; all counts go on from it. */
  past?: Past;
}

export interface Outcome {
  end: 'finished' | 'step_limit';
  /** The agent's own words; null when it did not finish. */
  summary: string | null;
  patch: Patch;
}

/** Answers in a row that can be used for nothing, before it is given up. */
const maxNonsense = 3;
/** The same for answers that were cut off: a model may need some tries to be brief. */
const maxCutOff = 5;
/** Calls of one answer that are run. */
const maxCalls = 32;
/** Steps before the end at which the model is told. */
const warnAt = 5;

/**
 * Works on an assignment until the model finishes or `max_steps` are used up. A step asks the model, records its
 * answer, runs its tools in order, and takes a checkpoint when one of them may have changed files.
 * @throws the signal's reason, within a second of its firing; VariationFailure `model_unavailable`, `model_refused`,
 * `model_nonsense`, `context_exceeded`, `budget_exceeded`; Fenced; what the workspace throws.
 */
export async function work(input: WorkInput): Promise<Outcome> {
  try {
    return await steps(input);
  } catch (error) {
    // Whatever broke because it was stopped, it was stopped.
    input.signal.throwIfAborted();
    throw error;
  }
}

async function steps({ assignment, model, workspace, journal, signal, past }: WorkInput): Promise<Outcome> {
  const { options } = assignment;
  const { environment } = workspace;
  const tools = offered(options.dry_run);
  const specs = tools.map((tool) => tool.spec);
  const system = systemPrompt(assignment);
  const window = {
    contextTokens: model.contextTokens,
    maxTokens: model.maxTokens,
    fixedTokens: fixedTokens(system, specs),
  };
  const repeated = repetitions();
  /** What the model has yet to be told; it enters the record with the next request. */
  let untold: string[] = [];
  let messages: Message[] = [...(past?.messages ?? [])];
  function tell(text: string): void {
    messages.push({ role: 'user', text });
    untold.push(text);
  }
  if (messages.length === 0) {
    tell(await firstPrompt(assignment, environment, Math.max(0, roomFor(window)), signal));
  }
  let step = messages.filter((message) => message.role === 'assistant').length;
  let call = step;
  let toolCount = messages.filter((message) => message.role === 'tool').length;
  let nonsense = 0;
  let cutOff = 0;
  let warned = false;
  let patch: Patch | null = null;

  /** Runs the calls and appends their answers. The summary when one of them ended the work. */
  async function run(calls: readonly ToolCall[]): Promise<string | null> {
    let summary: string | null = null;
    let changed = false;
    for (const [index, one] of calls.entries()) {
      const common = { call: one, number: ++toolCount, tools, environment, journal, signal };
      if (past?.begun.has(one.id)) {
        journal.emit({ type: 'tool.repeated', payload: { tool: toolCount, id: one.id, name: one.name } });
      }
      if (summary !== null) {
        messages.push(refuseCall(common, 'Not run: the work was finished before it.'));
        continue;
      }
      if (index >= maxCalls) {
        messages.push(refuseCall(common, `Not run: at most ${maxCalls} calls in one answer. Call it again.`));
        continue;
      }
      const tool = tools.find((each) => each.spec.name === one.name);
      changed ||= tool?.changesFiles ?? false;
      const { message, result } = await runCall({
        ...common,
        note: (outcome) => repeated.note(one, outcome, tool?.changesFiles ?? false),
      });
      messages.push(message);
      summary = result.finished ?? null;
    }
    if (changed) {
      patch = await workspace.snapshot(signal);
      await journal.checkpoint(patch, step);
    }
    return summary;
  }

  async function outcome(end: Outcome['end'], summary: string | null): Promise<Outcome> {
    patch ??= await workspace.snapshot(signal);
    signal.throwIfAborted();
    return { end, summary, patch };
  }

  function complete(started: number): void {
    const duration_ms = Math.round(performance.now() - started);
    journal.emit({ type: 'step.completed', payload: { step, duration_ms } });
  }

  /** What the model shall be told instead of anything being run; null when the answer can be used. */
  function complaint({ finish_reason, message }: ModelResponse): string | null {
    const said = complaintOf(finish_reason, message, model.maxTokens);
    if (finish_reason === 'length') {
      if (++cutOff >= maxCutOff) throw nonsensical(`its answers were cut off ${cutOff} times in a row`);
      return said;
    }
    cutOff = 0;
    const readable = message.tool_calls.some((one) => one.arguments !== null);
    if (readable || (said === null && message.tool_calls.length === 0)) {
      nonsense = 0;
      return null;
    }
    if (++nonsense >= maxNonsense)
      throw nonsensical(`${nonsense} answers in a row held neither text nor a readable call`);
    return said; // Null: each call is answered with what was wrong with it.
  }

  const left = unanswered(messages);
  const began = performance.now();
  const before = lastSummary(messages) ?? (await run(left));
  if (left.length > 0) complete(began);
  if (before !== null) return outcome('finished', before);

  while (step < options.max_steps) {
    signal.throwIfAborted();
    if (!warned && options.max_steps - step <= warnAt) {
      warned = true;
      tell(nearEnd(options.max_steps - step));
    }
    messages = compact(messages, window);
    const started = performance.now();
    journal.emit({ type: 'step.started', payload: { step: ++step } });
    const response = await ask({
      ...{ model, journal, signal, system, messages, tools: specs },
      call: ++call,
      added: untold,
      verbose: options.verbose,
    });
    untold = [];
    const said = complaint(response);
    let summary: string | null = null;
    if (said !== null) {
      messages.push(withoutCalls(response.message));
      tell(said);
    } else {
      messages.push(response.message);
      summary =
        response.message.tool_calls.length === 0
          ? response.message.text
          : await run(response.message.tool_calls);
    }
    complete(started);
    if (summary !== null) return outcome('finished', summary);
  }
  return outcome('step_limit', null);
}

function nonsensical(what: string): VariationFailure {
  return new VariationFailure('model_nonsense', `The model was given up: ${what}`);
}

function nearEnd(left: number): string {
  const steps = left === 1 ? 'This is your last step' : `You have ${left} steps left, this one included`;
  return `${steps}. Bring the work to a good state now and call \`finish\`; say in the summary what is left to do.`;
}
