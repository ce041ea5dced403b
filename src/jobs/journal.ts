import type { RunOptions, Usage } from '../../drizzle/schema';
import type { Journal } from '../agent/journal';
import type { ModelProfile } from '../agent/model';
import { mostOf } from '../agent/models/most';
import { explainRefusal, type Reservation, reserve, warningsOf } from '../core/budget';
import { insertCheckpoint, presentCheckpoint, stillSaved } from '../core/checkpoint';
import { type Database, persist } from '../core/db';
import { markDelivered, waitingDirectives } from '../core/directive';
import { append, type Claim } from '../core/event';
import type { Fact, PlanStep } from '../core/fact';
import { VariationFailure } from '../core/failure';
import { takeFeedback, waitingFeedback } from '../core/iteration';
import type { Recorder } from '../core/recorder';
import { addUsage } from '../core/usage';

/** The agent's side of the record, on Postgres. */
export function openJournal(
  database: Database,
  recorder: Recorder,
  claim: Claim,
  options: Pick<RunOptions, 'budget_usd' | 'budget_tokens'>,
  profile: ModelProfile,
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

    directives: () => persist(() => waitingDirectives(database, claim.variationId)),
    feedback: () => persist(() => waitingFeedback(database, claim.variationId)),

    async requested(payload, { directives, feedback, prompt }) {
      await setAside(mostOf(profile, prompt));
      const delivered = directives.map((directive): Fact => {
        return { type: 'directive.delivered', payload: { directive, call: payload.call } };
      });
      await recorder.commit([...delivered, { type: 'model.requested', payload }], async (tx) => {
        await markDelivered(tx, directives);
        if (feedback) await takeFeedback(tx, claim.variationId);
      });
    },

    async answered(payload) {
      await recorder.commit([{ type: 'model.responded', payload }], async (tx) => {
        const spent = { ...payload.usage, cost_usd: payload.cost_usd };
        const sum: Usage = await addUsage(tx, claim.runId, claim.variationId, spent);
        // It gets on: what its workers died of before was not this.
        await tx`update variations set losses = 0 where id = ${claim.variationId} and losses > 0`;
        await append(tx, claim.runId, claim.position, warningsOf(sum, spent, options));
      });
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
      const { highest, sha256 } = await persist(() => presentCheckpoint(database, claim.variationId));
      if (sha256 === patch.sha256 || (sha256 === null && patch.bytes.length === 0))
        return recorder.commit([], (tx) => stillSaved(tx, claim));
      const number = highest + 1;
      const payload = { checkpoint: number, step, ...patch.stat };
      await recorder.commit([{ type: 'checkpoint.saved', payload }], (tx) =>
        insertCheckpoint(tx, claim, number, patch, step),
      );
    },
  };

  /** What a call may cost is set aside from the run's budget before it is made. */
  async function setAside(most: Reservation): Promise<void> {
    if (options.budget_usd === null && options.budget_tokens === null) return;
    const refusal = await persist(() => database.sql.begin((tx) => reserve(tx, claim, most, options)));
    if (refusal === null) return;
    const { kind, used, limit } = refusal;
    recorder.emit({ type: 'budget.exceeded', payload: { kind, used, limit } });
    throw new VariationFailure('budget_exceeded', explainRefusal(refusal));
  }
}

/** Plans fill the first nine tenths; checks the rest. */
function shareDone(steps: readonly PlanStep[]): number {
  if (steps.length === 0) return 0;
  const done = steps.filter((step) => step.status === 'done').length;
  const active = steps.some((step) => step.status === 'active') ? 0.5 : 0;
  return ((done + active) / steps.length) * 90;
}
