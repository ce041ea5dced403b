import type { Message, ToolCall } from '../core/conversation';
import { VariationFailure } from '../core/failure';
import { ask } from './ask';
import { compact, roomFor } from './context';
import { commitWord, gate, planWord } from './gate';
import { complaintOf, lastSummary, type Past, unanswered, withoutCalls } from './history';
import type { Journal } from './journal';
import type { Model, ModelResponse } from './model';
import { applyMended, oneShot, takeAsIs } from './one-shot';
import { type Assignment, firstPrompt, fixedTokens, systemPrompt } from './prompt';
import {
  commitKey,
  type Decision,
  decisionAt,
  type Steering,
  Suspended,
  spoken,
  unsteered,
} from './steering';
import { offered } from './tools';
import { answerCall, runCall } from './tools/call';
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
  /** The step from which `max_steps` are counted; default 0. */
  stepsBefore?: number;
  steering?: Steering;
  /** A person's mended patch: it is applied, and no model is asked. */
  mended?: string | null;
  /** What is in the workspace is the work, in these words, and no model is asked: a graft. */
  asIs?: string | null;
}

export interface Outcome {
  end: 'finished' | 'step_limit';
  /** The agent's own words; null when it did not finish. */
  summary: string | null;
  patch: Patch;
  /** Its last step. */
  step: number;
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
 * answer, runs its tools in order, and takes a checkpoint when one of them may have changed files. What a person says
 * is taken up before the next request; a pause and a question take effect between two calls.
 * @throws Suspended at such a boundary, after everything is in the record; the signal's reason, within a second of its
 * firing; VariationFailure `model_unavailable`, `model_refused`, `model_nonsense`, `context_exceeded`,
 * `budget_exceeded`; Fenced; what the workspace throws.
 */
export async function work(input: WorkInput): Promise<Outcome> {
  try {
    if (input.asIs != null) return await takeAsIs(input, input.asIs);
    if (input.mended != null) return await applyMended(input, input.mended);
    return await (input.assignment.options.mode === 'patch' ? oneShot(input) : steps(input));
  } catch (error) {
    // Whatever broke because it was stopped, it was stopped.
    input.signal.throwIfAborted();
    input.steering?.cut.throwIfAborted();
    throw error;
  }
}

async function steps(input: WorkInput): Promise<Outcome> {
  const { assignment, model, workspace, journal, signal, past, steering = unsteered } = input;
  const { options } = assignment;
  const { environment } = workspace;
  /** What is being run may be cut short by a pause; a model call is never. */
  const running = AbortSignal.any([signal, steering.cut]);
  const lastStep = (input.stepsBefore ?? 0) + options.max_steps;
  let planning =
    steering.approval === 'plan' &&
    !steering.decisions.some((one) => one.kind === 'plan' && one.decision === 'approve');
  const rules = () => {
    const tools = offered(options.dry_run, planning);
    const specs = tools.map((tool) => tool.spec);
    const system = systemPrompt(assignment, planning);
    const fixed = fixedTokens(system, specs);
    const window = { contextTokens: model.contextTokens, maxTokens: model.maxTokens, fixedTokens: fixed };
    return { tools, specs, system, window };
  };
  const repeated = repetitions();
  /** What the model has yet to be told, and the directives and feedback among it; all enter the record with the next request. */
  let untold: string[] = [];
  let heard: number[] = [];
  let corrected = false;
  let messages: Message[] = [...(past?.messages ?? [])];
  function tell(text: string): void {
    messages.push({ role: 'user', text });
    untold.push(text);
  }
  if (messages.length === 0) {
    tell(await firstPrompt(assignment, environment, Math.max(0, roomFor(rules().window)), signal));
  }
  let step = past?.step ?? 0;
  let toolCount = past?.tool ?? 0;
  let nonsense = 0;
  let cutOff = 0;
  let warned = false;
  let dirty = false;
  let patch: Patch | null = null;

  async function save(): Promise<void> {
    if (!dirty) return;
    patch = await workspace.snapshot(signal);
    await journal.checkpoint(patch, step);
    dirty = false;
  }

  async function boundary(): Promise<void> {
    signal.throwIfAborted();
    if (!steering.pausing()) return;
    await save();
    throw new Suspended(null);
  }

  /** Runs the calls and appends their answers. The summary when one of them ended the work. */
  async function run(calls: readonly ToolCall[]): Promise<string | null> {
    let summary: string | null = null;
    const { tools } = rules();
    for (const [index, one] of calls.entries()) {
      await boundary();
      const common = { call: one, number: toolCount + 1, tools, environment, journal, signal: running };
      if (past?.begun.has(one.id)) {
        journal.emit({ type: 'tool.repeated', payload: { tool: common.number, id: one.id, name: one.name } });
      }
      if (summary !== null) {
        toolCount += 1;
        messages.push(answerCall(common, 'Not run: the work was finished before it.'));
        continue;
      }
      if (index >= maxCalls) {
        toolCount += 1;
        messages.push(answerCall(common, `Not run: at most ${maxCalls} calls in one answer. Call it again.`));
        continue;
      }
      const word = await gate(one, common.number, { steering, journal, planning }).catch(async (error) => {
        if (error instanceof Suspended) await save();
        throw error;
      });
      toolCount += 1;
      if (word !== null) {
        if (word.approvedPlan) planning = false;
        messages.push(answerCall(common, word.answer, word.ok));
        continue;
      }
      const tool = tools.find((each) => each.spec.name === one.name);
      dirty ||= tool?.changesFiles ?? false;
      const { message, result } = await runCall({
        ...common,
        note: (outcome) => repeated.note(one, outcome, tool?.changesFiles ?? false),
      });
      messages.push(message);
      summary = result.finished ?? null;
    }
    await save();
    return summary;
  }

  /** Takes up what checks and persons have said since the last time. */
  async function hear(): Promise<boolean> {
    const feedback = corrected ? null : await journal.feedback();
    if (feedback !== null) {
      tell(feedback);
      corrected = true;
    }
    const fresh = (await journal.directives()).filter((one) => !heard.includes(one.id));
    for (const directive of fresh) {
      tell(spoken(directive));
      heard.push(directive.id);
    }
    return fresh.length > 0 || feedback !== null;
  }

  async function deniedCommit(): Promise<Decision | null> {
    if (steering.approval !== 'commit') return null;
    patch ??= await workspace.snapshot(signal);
    const word = decisionAt(steering, 'commit', commitKey(step, patch));
    return word?.decision === 'deny' ? word : null;
  }

  /** Whether the work goes on although the agent has ended it with these words: a person has to say something to it. */
  async function goesOn(words: string): Promise<boolean> {
    const key = `step:${step}`;
    const onPlan = decisionAt(steering, 'plan', key);
    if (onPlan) {
      tell(planWord(onPlan));
      return true;
    }
    if (planning) throw new Suspended({ kind: 'plan', key, question: { plan: words } });
    const denied = await deniedCommit();
    if (denied) tell(commitWord(denied));
    return (await hear()) || denied !== null;
  }

  async function outcome(end: Outcome['end'], summary: string | null): Promise<Outcome> {
    patch ??= await workspace.snapshot(signal);
    signal.throwIfAborted();
    return { end, summary, patch, step };
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
  if (before !== null && !(await goesOn(before))) return outcome('finished', before);
  /** Words with which the agent ended, though it is to go on: there may be no step left for that. */
  let ended = before;

  while (step < lastStep) {
    await boundary();
    if (!warned && lastStep - step <= warnAt) {
      warned = true;
      tell(nearEnd(lastStep - step));
    }
    await hear();
    const { specs, system, window } = rules();
    messages = compact(messages, window);
    const started = performance.now();
    journal.emit({ type: 'step.started', payload: { step: ++step } });
    const response = await ask({
      ...{ model, journal, signal, system, messages, tools: specs },
      ...{ call: step, added: untold, directives: heard, feedback: corrected, verbose: options.verbose },
    });
    untold = [];
    heard = [];
    corrected = false;
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
    if (summary !== null && !(await goesOn(summary))) return outcome('finished', summary);
    ended = summary;
  }
  // What a person said is not lost: as the work is ended, it is queued again for that, with steps of its own.
  return ended === null ? outcome('step_limit', null) : outcome('finished', ended);
}

function nonsensical(what: string): VariationFailure {
  return new VariationFailure('model_nonsense', `The model was given up: ${what}`);
}

function nearEnd(left: number): string {
  const steps = left === 1 ? 'This is your last step' : `You have ${left} steps left, this one included`;
  return `${steps}. Bring the work to a good state now and call \`finish\`; say in the summary what is left to do.`;
}
