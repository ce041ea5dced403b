import type { ContextText, TaskType } from '../../drizzle/schema';
import { readCheckpoint } from './checkpoint';
import type { Tx } from './db';

/** Characters of what a stage said that the next one is told, and bytes of a change that it is shown. */
const saidMost = 100_000;
const diffBytes = 60_000;
/** Texts that a stage may be handed: a run's own context leaves room for them. */
export const handedOnMost = 2;

/** Stages that are about a change, and so are shown it. */
const aboutChanges: ReadonlySet<TaskType> = new Set<TaskType>(['review', 'documentation']);

/**
 * What a stage of a pipeline is told of those before it: what the last one said (its winner, else each variation of it
 * that made the result), and for a review or documentation the newest change of the pipeline.
 * @param before the stage before; completed
 * @param base the commit that it handed on
 */
export async function handedOn(
  tx: Tx,
  stage: { task_type: TaskType; flow: number | null },
  before: number,
  base: string,
): Promise<ContextText[]> {
  const texts = [await saidBefore(tx, before, base)];
  if (aboutChanges.has(stage.task_type) && stage.flow !== null)
    texts.push(await changeBefore(tx, stage.flow, base));
  return texts.filter((text) => text !== null);
}

async function saidBefore(tx: Tx, before: number, base: string): Promise<ContextText | null> {
  const rows = await tx<
    { position: number; result: string | null; task_type: TaskType; won: boolean; made: boolean }[]
  >`
    select v.position, v.result, r.task_type, v.position is not distinct from r.winner as won,
      v.commit_sha is not distinct from ${base} as made
    from runs r join variations v on v.run_id = r.id
    where r.id = ${before} and v.status = 'completed' order by v.position`;
  const chosen = [rows.filter((row) => row.won), rows.filter((row) => row.made), rows].find(
    (some) => some.length > 0,
  );
  const said = (chosen ?? []).filter((row) => row.result?.trim());
  const [first] = said;
  if (!first) return null;
  const share = Math.floor(saidMost / said.length);
  const text = said.map(({ position, result }) => {
    const words = cut(result ?? '', share);
    return said.length === 1 ? words : `Variation ${position}:\n\n${words}`;
  });
  return { title: `What the ${first.task_type} before this said (run ${before})`, text: text.join('\n\n') };
}

/** The change that a commit of the pipeline is, wherever in it that was made. */
async function changeBefore(tx: Tx, flow: number, base: string): Promise<ContextText | null> {
  const [maker] = await tx<{ run_id: number; position: number }[]>`
    select v.run_id, v.position from runs r join variations v on v.run_id = r.id
    where r.flow = ${flow} and v.status = 'completed' and v.commit_sha = ${base}
    order by r.flow_place desc, v.position is not distinct from r.winner desc, v.id limit 1`;
  const patch = maker ? await readCheckpoint({ sql: tx }, maker.run_id, maker.position) : null;
  if (!maker || !patch) return null;
  const whole = patch.bytes.length;
  // A character that the cut halves becomes a sign of it.
  const shown = new TextDecoder().decode(patch.bytes.subarray(0, diffBytes));
  const text = whole > diffBytes ? `${shown}\n(cut here: ${diffBytes} of ${whole} bytes)` : shown;
  return { title: `The change so far (run ${maker.run_id}, variation ${maker.position})`, text };
}

function cut(text: string, most: number): string {
  return text.length > most
    ? `${text.slice(0, most)}\n(cut here: ${most} of ${text.length} characters)`
    : text;
}
