import { commitPatch } from '../agent/commit';
import type { Outcome } from '../agent/loop';
import type { Patch } from '../agent/workspace';
import type { Assignment } from '../core/assignment';
import type { Claim } from '../core/event';
import { type FailureCode, VariationFailure } from '../core/failure';
import type { Recorder } from '../core/recorder';
import type { Log } from '../log';
import { commitWords } from './base';

/** @throws VariationFailure when what came of the work is not what was asked for */
export function requireResult({ run }: Assignment, outcome: Outcome, changed: boolean): void {
  if (outcome.end === 'step_limit') {
    throw new VariationFailure(
      'step_limit',
      `It used all of its ${run.options.max_steps} steps without finishing`,
    );
  }
  const mustChange = run.task_type === 'coding' || run.task_type === 'documentation';
  if (mustChange && !changed && !run.options.dry_run) {
    throw new VariationFailure('no_changes', 'The agent finished without changing a file');
  }
}

/** The patch as text becomes a commit outside every workspace, or is refused with reasons. */
export async function propose(
  { recorder, assignment, claimed }: { recorder: Recorder; assignment: Assignment; claimed: Claim },
  mirror: string,
  patch: Patch,
): Promise<{ commit: string; ref: string }> {
  recorder.emit({ type: 'patch.proposed', payload: patch.stat });
  const ref = `refs/bakeoff/${claimed.runId}/${claimed.position}`;
  try {
    const { commit } = await commitPatch({
      mirror,
      baseSha: patch.base_sha,
      patch: patch.bytes,
      ref,
      ...commitWords(assignment.run, assignment.agent_name),
    });
    recorder.emit({ type: 'patch.applied', payload: { commit, ref } });
    return { commit, ref };
  } catch (error) {
    if (error instanceof VariationFailure && error.code === 'patch_rejected') {
      recorder.emit({ type: 'patch.rejected', payload: { reasons: error.message.split('\n') } });
    }
    throw error;
  }
}

/** Why work ended that threw, in a code and words; what nobody has foreseen goes to the log. */
export function explain(
  job: { claimed: Claim; log: Log },
  error: unknown,
): { code: FailureCode; message: string } {
  if (error instanceof VariationFailure) return { code: error.code, message: error.message };
  const { runId: run, position: variation } = job.claimed;
  if ((error as NodeJS.ErrnoException).code === 'ENOSPC') {
    return { code: 'disk_full', message: 'The disk of the worker is full' };
  }
  job.log.error('variation failed by a mistake of ours', { run, variation, error });
  return { code: 'internal', message: error instanceof Error ? error.message : String(error) };
}

/** The status that a failure ends a variation with; docs/errors.md says the same. */
export function statusOf(code: FailureCode): 'needs_review' | 'failed' | 'stopped' {
  if (code === 'stopped' || code === 'budget_exceeded') return 'stopped';
  if (code === 'step_limit' || code === 'patch_rejected' || code === 'no_changes') return 'needs_review';
  return 'failed';
}
