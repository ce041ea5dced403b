import { createHash } from 'node:crypto';
import { invalid } from '../core/errors';
import { createChain, createFlow, type FlowRun, orderFlow, recallFlow, within } from '../core/flow';
import { type Idempotency, recall } from '../core/idempotency';
import { createRun } from '../core/run';
import { isChain, readChain } from './chain-input';
import { enqueue } from './enqueue';
import type { FlowBody, RunBody } from './run-body';
import { type Asked, type Others, readRun, withProject } from './run-input';
import type { Services } from './services';

export { type FlowBody, flowBody, parseRunBody, type RunBody, readTime, runBody, timeText } from './run-body';
export { asSource } from './run-input';

/**
 * Starts a run as the API and the form ask for it: everything that can be known to be wrong is refused before anything
 * is made; then the run, then its jobs. A workflow or pipeline is started as all of its runs.
 * @returns the run's id, of several the last one's, whose end is the end of the whole; and whether the same idempotency key had made it before
 * @throws BakeoffError of the contract
 */
export async function startRun(
  services: Services,
  body: RunBody,
  idempotencyKey: string | null,
): Promise<{ id: number; existed: boolean }> {
  const idempotency = idempotencyOf(idempotencyKey, body);
  const before = await recall(services.database, 'runs', idempotency);
  if (before !== null) return { id: before, existed: true };
  if (isChain(body.run_type)) {
    const [start, ...more] = await readChain(services, body);
    const first = await withProject(services, start);
    const links = more.map(({ source: _, ...link }) => ({ ...link, project_id: first.project_id }));
    const made = await createChain(services.database, [first, ...links], idempotency);
    if (!made.existed) await enqueue(services, made.first);
    return { id: made.id, existed: made.existed };
  }
  const asked = await readRun(services, body, {
    depends_on: body.depends_on ?? [],
    base_run: typeof body.base === 'object' ? body.base.run : null,
  });
  const made = await createRun(services.database, await withProject(services, asked), idempotency);
  if (!made.existed) await enqueue(services, made.id);
  return made;
}

/**
 * Starts several runs that may depend on each other by their keys: all of them or none, as `startRun` does each.
 * @returns their keys and ids in the order given, and whether the same idempotency key had made them before
 * @throws BakeoffError of the contract; `field` says which run, as `runs.0.goal`
 */
export async function startFlow(
  services: Services,
  body: FlowBody,
  idempotencyKey: string | null,
): Promise<{ runs: { key: string; id: number }[]; existed: boolean }> {
  const { database } = services;
  const named = (ids: readonly number[]) => body.runs.map(({ key }, i) => ({ key, id: ids[i] ?? 0 }));
  const idempotency = idempotencyOf(idempotencyKey, body);
  const before = await recallFlow(database, body.runs.length, idempotency);
  if (before !== null) return { runs: named(before), existed: true };
  const links = body.runs.map(linksOf);
  orderFlow(links);
  const read: { asked: Asked; link: Link }[] = [];
  for (const [i, one] of body.runs.entries()) {
    const link = links[i];
    if (isChain(one.run_type))
      throw invalid(`runs.${i}.run_type`, `A flow is made of single runs, and a ${one.run_type} of several`);
    if (link) read.push({ link, asked: await within(i, () => readRun(services, one, link.others)) });
  }
  requireOneProject(read);
  const flow: FlowRun[] = [];
  for (const { asked, link } of read) flow.push({ ...link, run: await withProject(services, asked) });
  const made = await createFlow(database, flow, idempotency);
  if (!made.existed) for (const id of made.ids) await enqueue(services, id);
  return { runs: named(made.ids), existed: made.existed };
}

type Link = Omit<FlowRun, 'run'> & { others: Others };

/** What a run of a flow depends on: others of the flow, and runs that are there. */
function linksOf({ key, depends_on = [], base }: FlowBody['runs'][number]): Link {
  const from = typeof base === 'object' ? base.run : null;
  return {
    key,
    after: depends_on.filter((one) => typeof one === 'string'),
    base: typeof from === 'string' ? from : null,
    others: {
      depends_on: depends_on.filter((one) => typeof one === 'number'),
      base_run: typeof from === 'number' ? from : null,
    },
  };
}

/** What can be known before anything is made; a run's result is of use in its own project only. */
function requireOneProject(read: readonly { asked: Asked; link: Link }[]): void {
  for (const [i, { asked, link }] of read.entries()) {
    const from = read.find((one) => one.link.key === link.base)?.asked.source;
    const same = from?.repo_url === asked.source.repo_url && from?.local_path === asked.source.local_path;
    if (from && !same)
      throw invalid(`runs.${i}.base`, `Run ${link.base} is of another project: its result is no base here`);
  }
}

export function idempotencyOf(key: string | null, body: unknown): Idempotency | undefined {
  if (key === null) return undefined;
  if (!/^[\x21-\x7e]{1,200}$/.test(key))
    throw invalid('Idempotency-Key', 'Idempotency-Key is not 1 to 200 visible ASCII characters');
  return { key, body_sha256: createHash('sha256').update(JSON.stringify(body)).digest('hex') };
}
