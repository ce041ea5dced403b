import { assessGoal, type GoalOpinion } from '../agent/judge/goal';
import type { Outcome } from '../agent/loop';
import type { Assignment } from '../core/assignment';
import { reserve } from '../core/budget';
import { persist } from '../core/db';
import { listEvents } from '../core/event';
import type { Payloads } from '../core/fact';
import type { NextIteration } from '../core/iteration';
import { addUsage } from '../core/usage';
import { seatJudge, within, workOf } from './judge';
import type { Job } from './story';

/**
 * Has a judge say whether a variation's patch reaches the goal, where there is no check that could tell: an opinion, and
 * recorded as one. Of the same patch it is asked once.
 * @returns what the agent is to hear when the goal is said to be missed; null when it is met, or nobody can be asked
 */
export async function assess(
  job: Job,
  { run, agent_id }: Assignment,
  { patch, summary }: Outcome,
  signal: AbortSignal,
): Promise<Pick<NextIteration, 'feedback' | 'opinion'> | null> {
  const said = (await earlier(job, patch.sha256, signal)) ?? (await askFor());
  return said && !said.met ? { opinion: said.reason, feedback: inWords(said) } : null;

  async function askFor(): Promise<Pick<GoalOpinion, 'met' | 'missing' | 'reason'> | null> {
    const { database, claimed, recorder } = job;
    const author = await persist(() => authorOf(job, agent_id), { signal });
    const seat = await persist(() => seatJudge(job, author), { signal });
    if (seat === null) return null;
    const model = within(seat, async (most) => {
      const refusal = await persist(() =>
        database.sql.begin((tx) => reserve(tx, claimed, most, run.options)),
      );
      return refusal === null;
    });
    const work = await workOf(database, run.id, {
      ...{ position: claimed.position, result: summary },
      changed: true,
    });
    const task = { goal: run.goal, instructions: run.instructions };
    const onAnswer: Parameters<typeof assessGoal>[0]['onAnswer'] = ({ usage, cost_usd, text }) =>
      text === null
        ? undefined
        : recorder.commit([], async (tx) => {
            await addUsage(tx, claimed.runId, claimed.variationId, { ...usage, cost_usd });
          });
    const { value, failure, cost_usd } = await assessGoal({ model, signal, onAnswer }, { task, work });
    const asked = { agent: seat.agent, model: seat.model.name, cost_usd };
    if (value === null) {
      const about = [claimed.position];
      const payload = { ...asked, verdict: null, question: 'goal', about, text: null, failure } as const;
      await recorder.commit([{ type: 'judge.answered', payload }], async () => {});
      return null;
    }
    const { met, missing, reason } = value;
    const payload = { ...asked, met, missing, reason, sha256: patch.sha256 };
    await recorder.commit([{ type: 'goal.assessed', payload }], async () => {});
    return value;
  }
}

/** What was said of the same patch before its worker went. */
async function earlier(
  { database, claimed }: Job,
  sha256: string,
  signal: AbortSignal,
): Promise<Payloads['goal.assessed'] | null> {
  const [event] = await persist(
    () =>
      listEvents(database, claimed.runId, {
        ...{ before: Number.MAX_SAFE_INTEGER, limit: 1 },
        ...{ variations: [claimed.position], types: ['goal.assessed'] },
      }),
    { signal },
  );
  const said = event?.type === 'goal.assessed' ? event.payload : null;
  return said?.sha256 === sha256 ? said : null;
}

async function authorOf({ database }: Job, agentId: number): Promise<{ provider: string; model: string }[]> {
  return database.sql<{ provider: string; model: string }[]>`
    select provider, model from agents where id = ${agentId}`;
}

function inWords({ missing, reason }: { missing: readonly string[]; reason: string }): string {
  const list = missing.map((one) => `- ${one}`);
  return [
    'You have finished, but another model that has read your change thinks that the goal is not reached. No check was run: this is an opinion, and it may be wrong.',
    reason,
    ...(list.length > 0 ? ['What it misses:', ...list] : []),
    'Look at it, mend what is right about it, and call `finish` again; if it is wrong, say why in the summary.',
  ]
    .filter((line) => line.trim() !== '')
    .join('\n');
}
