import type { Usage } from '../../drizzle/schema';
import type { Tx } from './db';

export const noUsage: Usage = {
  input_tokens: 0,
  output_tokens: 0,
  cached_tokens: 0,
  reasoning_tokens: 0,
  model_calls: 0,
  cost_usd: 0,
};

/** The usage of one answer; a price that is not known makes every sum it enters unknown. */
export type CallUsage = Omit<Usage, 'model_calls'>;

/**
 * Adds one answer's usage to its variation and run, in the place of what was set aside for it, and tells the run's new
 * sum. Inside the answer's transaction.
 */
export async function addUsage(tx: Tx, runId: number, variationId: number, usage: CallUsage): Promise<Usage> {
  const sum = sumWith(tx, usage);
  await tx`
    update variations set usage = ${sum}, reserved_tokens = 0, reserved_usd = 0, updated_at = now()
    where id = ${variationId}`;
  const [row] = await tx<{ usage: Usage }[]>`
    update runs set usage = ${sum}, updated_at = now() where id = ${runId} returning usage`;
  if (!row) throw new Error(`run ${runId} is gone`);
  return row.usage;
}

/** The column `usage` of a row with one answer's usage added. */
export function sumWith(tx: Tx, usage: CallUsage, calls = 1) {
  return tx`jsonb_build_object(
    'input_tokens', (usage->>'input_tokens')::bigint + ${usage.input_tokens}::bigint,
    'output_tokens', (usage->>'output_tokens')::bigint + ${usage.output_tokens}::bigint,
    'cached_tokens', (usage->>'cached_tokens')::bigint + ${usage.cached_tokens}::bigint,
    'reasoning_tokens', (usage->>'reasoning_tokens')::bigint + ${usage.reasoning_tokens}::bigint,
    'model_calls', (usage->>'model_calls')::bigint + ${calls}::bigint,
    'cost_usd', (usage->>'cost_usd')::numeric + ${usage.cost_usd}::numeric)`;
}
