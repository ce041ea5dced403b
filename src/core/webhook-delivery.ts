import type { Database, Tx } from './db';

/** Days for which a delivery is known again. */
const keptDays = 7;

/**
 * Takes a delivery of another service once, together with what it changes.
 * @returns `seen` without doing anything when it was taken before
 */
export async function takeDelivery<T>(
  { sql }: Pick<Database, 'sql'>,
  source: string,
  id: string,
  take: (tx: Tx) => Promise<T>,
): Promise<T | 'seen'> {
  return (await sql.begin(async (tx) => {
    const made = await tx`
      insert into webhook_deliveries (source, id) values (${source}, ${id}) on conflict do nothing returning id`;
    return made.length === 0 ? 'seen' : await take(tx);
  })) as T | 'seen';
}

/** Deliveries that nobody sends again are forgotten. */
export async function forgetOldDeliveries({ sql }: Pick<Database, 'sql'>): Promise<void> {
  await sql`delete from webhook_deliveries where received_at < now() - make_interval(days => ${keptDays})`;
}
