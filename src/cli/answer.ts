import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Approval, Page } from '../core/contract';
import type { Client } from './client';
import { type Command, type Context, parse, service } from './context';
import { type ExitCode, positive, usage } from './exit';
import { questionWords } from './waiting';

/** Approves what a run asks, perhaps with a plan of your own in place of the agent's. */
export const approve: Command = async (args, context) => {
  const { values, positionals } = parse(
    args,
    { comment: { type: 'string' }, plan: { type: 'string' } },
    [1, 2],
  );
  const plan = values.plan === undefined ? undefined : readPlan(resolve(context.from, values.plan));
  return decide(context, positionals, {
    decision: 'approve',
    ...(values.comment === undefined ? {} : { comment: values.comment }),
    ...(plan === undefined ? {} : { plan }),
  });
};

/** Denies it; the agent reads the comment. */
export const deny: Command = async (args, context) => {
  const { values, positionals } = parse(args, { comment: { type: 'string' } }, [1, 1000]);
  const [run, second, ...words] = positionals;
  const numbered = second === undefined || /^\d+$/.test(second);
  const comment = [...(numbered ? [] : [second]), ...words].join(' ');
  if (comment !== '' && values.comment !== undefined) throw usage('the comment is there twice');
  const said = values.comment ?? comment;
  return decide(context, [run, numbered ? second : undefined], {
    decision: 'deny',
    ...(said === '' ? {} : { comment: said }),
  });
};

async function decide(
  context: Context,
  [run, approval]: (string | undefined)[],
  body: { decision: 'approve' | 'deny' },
): Promise<ExitCode> {
  const id = positive(run, 'the run');
  const client = service(context);
  const number =
    approval === undefined ? await onlyOpen(client, id) : positive(approval, 'the number of the question');
  const decided = await client.call<Approval>('POST', `/runs/${id}/approvals/${number}`, body);
  context.out.write(`Variation ${decided.position} of run ${id}: ${decided.status}\n`);
  return 0;
}

/** The question that is open, when it is the only one. */
async function onlyOpen(client: Client, id: number): Promise<number> {
  const open = await openApprovals(client, id);
  const [first] = open;
  if (first === undefined) throw usage(`run ${id} asks nothing now`);
  if (open.length === 1) return first.id;
  const which = open.map((one) => `${one.id} (variation ${one.position}: ${questionWords(one)})`);
  throw usage(`which question? ${which.join(', ')}`);
}

/** What a run asks now, at most 200. */
export async function openApprovals(client: Client, id: number): Promise<Approval[]> {
  const found: Approval[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page: Page<Approval> = await client.call('GET', `/runs/${id}/approvals?limit=200${query}`);
    found.push(...page.items.filter((one) => one.status === 'open'));
    cursor = page.next_cursor;
  }
  return found.slice(0, 200);
}

function readPlan(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw usage(`--plan ${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unreadable'}`);
  }
}
