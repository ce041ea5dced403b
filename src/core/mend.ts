import type { Database } from './db';
import { conflict } from './errors';
import { cleanText } from './text';
import { lock, requeue } from './variation';

/**
 * Takes a person's patch for a variation whose own could not be used: it is applied to the base, and checked like any
 * other, without a model being asked.
 * @param patch in any of the formats that agents may use
 * @throws BakeoffError 404; 409 unless it needs review
 */
export async function mend(
  { sql }: Pick<Database, 'sql'>,
  runId: number,
  position: number,
  patch: string,
): Promise<void> {
  await sql.begin(async (tx) => {
    const [row] = await lock(tx, runId, position);
    if (row.status !== 'needs_review')
      throw conflict(
        'not_in_review',
        `Only what needs review is mended: it is ${row.status.replace('_', ' ')}`,
      );
    await requeue(tx, row, { why: 'mended', fresh: true });
    await tx`update variations set mended = ${cleanText(patch)} where id = ${row.id}`;
  });
}
