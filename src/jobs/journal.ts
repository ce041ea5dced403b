import type { RunOptions, Usage } from '../../drizzle/schema';
import type { Journal } from '../agent/journal';
import { insertCheckpoint, newestCheckpoint } from '../core/checkpoint';
import type { Database } from '../core/db';
import type { Claim } from '../core/event';
import type { Payloads, PlanStep } from '../core/fact';
import { VariationFailure } from '../core/failure';
import type { Recorder } from '../core/recorder';
import { addUsage } from '../core/usage';

/** A share of a budget at which a warning is recorded. */
const warnAt = 0.8;

/** The agent's side of the record, on Postgres. */
export function openJournal(
  database: Database,
  recorder: Recorder,
  claim: Claim,
  options: Pick<RunOptions, 'budget_usd' | 'budget_tokens'>,
): Journal {
  let progress = -1;
  let words: string | null = null;

  // What is kept on rows is masked as what is recorded is.
  const setProgress = async (percentage: number, said: string | null): Promise<void> => {
    const step = said === null ? null : recorder.mask(said);
    const rounded = Math.max(0, Math.min(99, Math.round(percentage)));
    if (rounded === progress && step === words) return;
    progress = rounded;
    words = step;
    await recorder.commit(
      [{ type: 'variation.progress', payload: { percentage: rounded, step } }],
      async (tx) => {
        await tx`
        update variations set progress_percentage = ${rounded}, current_step = ${step}, updated_at = now()
        where id = ${claim.variationId}`;
      },
    );
  };

  return {
    emit: (fact) => recorder.emit(fact),
    flush: () => recorder.flush(),

    async answered(payload) {
      let sum: Usage | null = null;
      await recorder.commit([{ type: 'model.responded', payload }], async (tx) => {
        sum = await addUsage(tx, claim.runId, claim.variationId, {
          ...payload.usage,
          cost_usd: payload.cost_usd,
        });
      });
      if (sum) checkBudget(sum, payload);
    },

    async planned(steps) {
      const masked = steps.map((step) => ({ ...step, text: recorder.mask(step.text) }));
      await recorder.commit([{ type: 'plan.generated', payload: { steps: masked } }], async (tx) => {
        const plan = tx.json(masked);
        await tx`update variations set plan = ${plan}, updated_at = now() where id = ${claim.variationId}`;
      });
      await setProgress(shareDone(steps), steps.find((step) => step.status === 'active')?.text ?? words);
    },

    progress: setProgress,

    async checkpoint(patch, step) {
      const newest = await newestCheckpoint(database, claim.variationId);
      if (newest?.sha256 === patch.sha256 || (newest === null && patch.bytes.length === 0)) return;
      const number = (newest?.number ?? 0) + 1;
      const payload = { checkpoint: number, step, ...patch.stat };
      await recorder.commit([{ type: 'checkpoint.saved', payload }], (tx) =>
        insertCheckpoint(tx, claim, number, patch, step),
      );
    },
  };

  /** The run's sum before and after this answer against its limits. */
  function checkBudget(sum: Usage, answer: Payloads['model.responded']): void {
    const tokens = sum.input_tokens + sum.output_tokens;
    const before = tokens - answer.usage.input_tokens - answer.usage.output_tokens;
    checkOne('tokens', options.budget_tokens, before, tokens);
    if (sum.cost_usd === null && options.budget_usd !== null) {
      const message = `What ${answer.model} costs is not known, so the budget in dollars cannot be kept`;
      throw new VariationFailure('budget_exceeded', message);
    }
    if (sum.cost_usd !== null)
      checkOne('usd', options.budget_usd, sum.cost_usd - (answer.cost_usd ?? 0), sum.cost_usd);
  }

  function checkOne(kind: 'usd' | 'tokens', limit: number | null, before: number, used: number): void {
    if (limit === null) return;
    if (used >= limit) {
      recorder.emit({ type: 'budget.exceeded', payload: { kind, used, limit } });
      const shown =
        kind === 'usd' ? `$${used.toFixed(2)} of $${limit.toFixed(2)}` : `${used} of ${limit} tokens`;
      throw new VariationFailure('budget_exceeded', `The run's budget is used up: ${shown}`);
    }
    if (before < limit * warnAt && used >= limit * warnAt) {
      recorder.emit({ type: 'budget.warned', payload: { kind, used, limit } });
    }
  }
}

/** Plans fill the first nine tenths; checks the rest. */
function shareDone(steps: readonly PlanStep[]): number {
  if (steps.length === 0) return 0;
  const done = steps.filter((step) => step.status === 'done').length;
  const active = steps.some((step) => step.status === 'active') ? 0.5 : 0;
  return ((done + active) / steps.length) * 90;
}
