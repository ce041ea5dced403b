import type { RunOptions } from '../../drizzle/schema';
import type { Tx } from './db';
import { Fenced } from './errors';
import type { Claim } from './event';
import type { Fact } from './fact';
import type { CallUsage } from './usage';

/** What a model call may cost at most. */
export interface Reservation {
  /** Of the prompt and the answer together. */
  tokens: number;
  /** Null when a price is not known. */
  usd: number | null;
}

export type Budget = Pick<RunOptions, 'budget_tokens' | 'budget_usd'>;

/** A budget that has no room for a call. */
export interface Refusal {
  kind: 'tokens' | 'usd';
  /** What the run has used, for certain. */
  used: number;
  limit: number;
  /** What calls of its other variations, under way now, may use. */
  reserved: number;
  /** What this call may use; null when its price, or that of an earlier one, is not known. */
  wanted: number | null;
}

/** A share of a budget at which a warning is recorded. */
const warnAt = 0.8;

/**
 * Sets aside what a claimed variation's next call may cost, before it is made, so that all variations of a run
 * together never go over its budget. `addUsage` settles it with the answer; what ends, parks or
 * queues the variation gives it back.
 * @returns null when it is set aside; else what stands in the way, and nothing is changed
 * @throws Fenced when another worker has the variation, or it does not run any more.
 */
export async function reserve(
  tx: Tx,
  claim: Claim,
  wanted: Reservation,
  budget: Budget,
): Promise<Refusal | null> {
  if (budget.budget_tokens === null && budget.budget_usd === null) return null;
  const mine = await tx`
    select from variations
    where id = ${claim.variationId} and epoch = ${claim.epoch} and status = 'running' for no key update`;
  if (mine.length === 0) throw new Fenced(claim.variationId, claim.epoch);
  // Locked by a statement of its own, so that the next one sees what those before us have set aside.
  await tx`select from runs where id = ${claim.runId} for no key update`;
  const [state] = await tx<State[]>`
    with spent as (
      select (usage->>'input_tokens')::bigint + (usage->>'output_tokens')::bigint as tokens,
        (usage->>'cost_usd')::float8 as usd
      from runs where id = ${claim.runId}
    ), others as (
      -- Of those that do not run any more, nothing is under way.
      select coalesce(sum(reserved_tokens), 0) as tokens, coalesce(sum(reserved_usd), 0) as usd
      from variations where run_id = ${claim.runId} and id <> ${claim.variationId} and status = 'running'
    ), taken as (
      update variations v set reserved_tokens = ${wanted.tokens}, reserved_usd = ${wanted.usd ?? 0}
      from spent, others
      where v.id = ${claim.variationId}
        and coalesce(spent.tokens + others.tokens + ${wanted.tokens}::bigint <= ${budget.budget_tokens}::bigint, true)
        and (${budget.budget_usd}::float8 is null or
          coalesce(spent.usd + others.usd + ${wanted.usd}::float8 <= ${budget.budget_usd}::float8, false))
      returning v.id
    )
    select spent.tokens::float8 as spent_tokens, spent.usd as spent_usd, others.tokens::float8 as other_tokens,
      others.usd as other_usd, exists (select from taken) as taken
    from spent, others`;
  if (!state) throw new Fenced(claim.variationId, claim.epoch);
  return state.taken ? null : refusal(state, wanted, budget);
}

/**
 * The warnings that one answer is the cause of, for its own transaction: the run's row is locked there, so that of all
 * its answers exactly one carries each kind over the mark.
 * @param sum the run's usage with this answer in it
 */
export function warningsOf(sum: CallUsage, answer: CallUsage, budget: Budget): Fact[] {
  const of = (kind: 'tokens' | 'usd', limit: number | null, after: number, added: number): Fact[] => {
    if (limit === null) return [];
    const mark = limit * warnAt;
    // Sums of fractions: what was before is found by subtraction, so both are rounded alike.
    if (!(nano(after - added) < nano(mark) && nano(after) >= nano(mark))) return [];
    return [{ type: 'budget.warned', payload: { kind, used: after, limit } }];
  };
  const added = answer.input_tokens + answer.output_tokens;
  const tokens = of('tokens', budget.budget_tokens, sum.input_tokens + sum.output_tokens, added);
  if (sum.cost_usd === null) return tokens;
  return [...tokens, ...of('usd', budget.budget_usd, sum.cost_usd, answer.cost_usd ?? 0)];
}

/** A refusal in words. */
export function explainRefusal({ kind, used, limit, reserved, wanted }: Refusal): string {
  if (wanted === null) return 'What its model costs is not known, so the budget in dollars cannot be kept';
  const show = (amount: number): string =>
    kind === 'usd' ? `$${amount.toFixed(amount < 0.1 ? 4 : 2)}` : `${amount} tokens`;
  const others = reserved > 0 ? `, ${show(reserved)} are set aside for calls under way` : '';
  return `The run's budget is used up: ${show(used)} of ${show(limit)} are used${others}, and the next call may take ${show(wanted)}`;
}

interface State {
  spent_tokens: number;
  spent_usd: number | null;
  other_tokens: number;
  other_usd: number;
  taken: boolean;
}

function refusal(state: State, wanted: Reservation, { budget_tokens, budget_usd }: Budget): Refusal {
  const { spent_tokens, spent_usd, other_tokens, other_usd } = state;
  if (budget_tokens !== null && spent_tokens + other_tokens + wanted.tokens > budget_tokens) {
    const rest = { reserved: other_tokens, wanted: wanted.tokens };
    return { kind: 'tokens', used: spent_tokens, limit: budget_tokens, ...rest };
  }
  const known = spent_usd === null ? null : wanted.usd;
  return { kind: 'usd', used: spent_usd ?? 0, limit: budget_usd ?? 0, reserved: other_usd, wanted: known };
}

function nano(amount: number): number {
  return Math.round(amount * 1e9);
}
