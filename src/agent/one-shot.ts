import type { Message } from '../core/conversation';
import { VariationFailure } from '../core/failure';
import { ask } from './ask';
import { compact, roomFor } from './context';
import { fileParts } from './file-parts';
import { commitWord } from './gate';
import { complaintOf, lastSummary } from './history';
import type { Outcome, WorkInput } from './loop';
import { firstPrompt, fixedTokens, patchPrompt } from './prompt';
import { commitKey, decisionAt, Suspended, spoken, unsteered } from './steering';
import { applyPatch } from './tools/apply_patch';
import type { ToolResult } from './tools/tool';

/** A patch, a model's whole answer or a person's, that cannot be applied. */
export class PatchRefused extends VariationFailure {
  constructor(
    reasons: string,
    /** What cannot be applied, kept for a person to mend. */
    readonly answer: string,
  ) {
    super('patch_rejected', reasons);
  }
}

const alreadyApplied: ToolResult = { ok: true, output: '', truncated: false };

/**
 * Works on an assignment without tools: the model is asked once, and its answer applied as a patch by the engine of the
 * tools. It is asked again only for what a person says to it.
 * @throws PatchRefused; what `work` throws
 */
export async function oneShot(input: WorkInput): Promise<Outcome> {
  const { assignment, model, workspace, journal, signal, past, steering = unsteered } = input;
  const { environment } = workspace;
  const system = patchPrompt(assignment);
  const fixed = fixedTokens(system, []);
  const window = { contextTokens: model.contextTokens, maxTokens: model.maxTokens, fixedTokens: fixed };
  let untold: string[] = [];
  let heard: number[] = [];
  const messages: Message[] = [...(past?.messages ?? [])];
  const tell = (text: string): void => {
    messages.push({ role: 'user', text });
    untold.push(text);
  };
  if (messages.length === 0) {
    const room = Math.max(0, roomFor(window));
    const goal = await firstPrompt(assignment, environment, Math.floor(room * 0.3), signal);
    const files = await fileParts(environment, goal, Math.floor(room * 0.6) * 4, signal);
    tell([goal, ...files].join('\n\n'));
  }
  let step = past?.step ?? 0;
  const lastStep = (input.stepsBefore ?? 0) + assignment.options.max_steps;
  let answer = lastSummary(messages);
  /** It is in the workspace already: the work broke off after that. */
  let applied = answer !== null && past?.saved === true;

  async function hear(): Promise<void> {
    for (const directive of await journal.directives()) {
      if (heard.includes(directive.id)) continue;
      tell(spoken(directive));
      heard.push(directive.id);
    }
  }

  while (answer !== null || step < lastStep) {
    if (steering.pausing()) throw new Suspended(null);
    if (answer === null) {
      await hear();
      const response = await ask({
        ...{ model, journal, signal, system, messages: compact(messages, window), tools: [] },
        ...{
          call: ++step,
          added: untold,
          directives: heard,
          feedback: false,
          verbose: assignment.options.verbose,
        },
      });
      untold = [];
      heard = [];
      const said = complaintOf(response.finish_reason, response.message, model.maxTokens);
      if (said !== null) throw new PatchRefused(said, response.message.text);
      answer = response.message.text;
      messages.push({ ...response.message, tool_calls: [] });
    }
    const result = applied ? alreadyApplied : await applyAnswer(input, answer);
    applied = false;
    const patch = await workspace.snapshot(signal);
    if (result.ok) await journal.checkpoint(patch, step);
    const denied = decisionAt(steering, 'commit', commitKey(step, patch));
    if ((await journal.directives()).length > 0 || denied?.decision === 'deny') {
      if (!result.ok) tell(`Your patch could not be applied, and nothing of it was: ${result.output}`);
      if (denied?.decision === 'deny') tell(commitWord(denied));
      answer = null;
      continue;
    }
    if (!result.ok) throw refused(input, result, answer);
    return { end: 'finished', summary: wordsOf(answer), patch, step };
  }
  return { end: 'step_limit', summary: null, patch: await workspace.snapshot(signal), step };
}

/** What is in the workspace is the work already, in these words. */
export async function takeAsIs({ workspace, signal }: WorkInput, summary: string): Promise<Outcome> {
  return { end: 'finished', summary, patch: await workspace.snapshot(signal), step: 0 };
}

/**
 * Applies a person's mended patch to the files of the base, instead of asking a model.
 * @throws PatchRefused
 */
export async function applyMended(input: WorkInput, mended: string): Promise<Outcome> {
  const result = await applyAnswer(input, mended);
  if (!result.ok) throw refused(input, result, mended);
  const patch = await input.workspace.snapshot(input.signal);
  const step = input.past?.step ?? 0;
  await input.journal.checkpoint(patch, step);
  return { end: 'finished', summary: 'A person mended the patch.', patch, step };
}

function applyAnswer({ workspace, journal, signal }: WorkInput, patch: string): Promise<ToolResult> {
  const { environment } = workspace;
  return applyPatch.run({ patch }, { environment, journal, signal, onOutput: () => {} });
}

function refused({ journal }: WorkInput, { output }: ToolResult, answer: string): PatchRefused {
  journal.emit({ type: 'patch.rejected', payload: { reasons: output.split('\n').slice(0, 100) } });
  return new PatchRefused(output, answer);
}

/** What the model says of its patch: the answer up to its first fence or diff. */
function wordsOf(answer: string): string {
  const words = answer.split(/^(?:```|~~~|diff --git |--- |\*\*\* Begin Patch|<<<<<<< )/m)[0]?.trim() ?? '';
  return words === '' ? 'It answered with a patch.' : words.slice(0, 20_000);
}
