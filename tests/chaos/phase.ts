import type { Fleet, Member } from './fleet';
import { callsOf, steps } from './model';

/** The moments that the suite aims at, in the words of the promise. */
export const phases = ['cloning', 'before', 'stream', 'command', 'between', 'final'] as const;
export type Phase = (typeof phases)[number];

export const phaseNames: Record<Phase, string> = {
  cloning: 'cloning',
  before: 'before the model call',
  stream: 'in the middle of its stream',
  command: 'in the middle of a command',
  between: 'between two tool calls',
  final: 'at the final patch',
};

/** A variation that runs, as the record and the provider show it. */
export interface Sight {
  run: number;
  label: string;
  position: number;
  epoch: number;
  /** Process that works on it. */
  pid: number;
  /** Workers lost since its model last answered. */
  losses: number;
  /** Answers of its model so far. */
  answers: number;
  /** Number of its newest event. */
  seq: number;
  /** `asked`: the provider has the request and has said nothing; `answered`: it has said all, and the record does not know; `tool`: in a call that is no command. */
  phase: Phase | 'asked' | 'answered' | 'tool';
}

/** Looks at all running variations at once; `pid` looks at one process only. */
export async function look({ sql, model }: Pick<Fleet, 'sql' | 'model'>, pid?: number): Promise<Sight[]> {
  const rows = await sql<Row[]>`
    select v.run_id as run, r.name as label, v.position, v.epoch, v.losses, w.pid,
      (select jsonb_agg(jsonb_build_array(e.seq, e.type, e.id, extract(epoch from e.created_at) * 1000, e.name) order by e.seq)
        from (
          select seq, type, coalesce(payload->>'id', payload->>'call') as id, created_at, payload->>'name' as name
          from events where run_id = v.run_id and variation = v.position and type in ${sql(told)}
          order by seq desc limit 24
        ) e) as facts, (v.usage->>'model_calls')::int as answers
    from variations v join runs r on r.id = v.run_id join workers w on w.id = v.worker
    where v.status = 'running' ${pid === undefined ? sql`` : sql`and w.pid = ${pid}`}`;
  return rows.map(({ facts, ...row }) => ({
    ...row,
    seq: facts?.at(-1)?.[0] ?? 0,
    phase: phaseOf(facts ?? [], model.calls.get(`${row.label}/${row.position}`)?.at(-1)),
  }));
}

const told = [
  ...['variation.started', 'workspace.ready', 'model.responded'],
  ...['tool.started', 'tool.repeated', 'tool.finished'],
];

/** Number, type, id of the call, milliseconds since 1970, name of the tool. */
type Told = [number, string, string | null, number, string | null];

interface Row extends Omit<Sight, 'phase' | 'seq'> {
  facts: Told[] | null;
}

function phaseOf(
  facts: readonly Told[],
  asked: { step: number; at: number; first: number | null; last: number | null } | undefined,
): Sight['phase'] {
  const begin = facts.findLastIndex(([, type]) => type === 'variation.started');
  const attempt = facts.slice(begin + 1);
  if (begin >= 0 && !attempt.some(([, type]) => type === 'workspace.ready')) return 'cloning';
  const answer = facts.findLastIndex(([, type]) => type === 'model.responded');
  const answered = answer < 0 ? 0 : Number(facts[answer]?.[2]);
  const calls = answered === 0 ? [] : callsOf(answered - 1);
  const finished = new Set<string | null>();
  let open: string | null = null;
  facts.forEach(([, type, id, , name], i) => {
    if (i <= answer) return;
    if (type === 'tool.finished') {
      finished.add(id);
      open = null;
    } else if (type !== 'model.responded' && type.startsWith('tool.') && i > begin) open = name;
  });
  if (open === 'run_command') return 'command';
  if (open !== null) return finished.size > 0 && calls.length > 1 ? 'between' : 'tool';
  if (finished.size < calls.length) return finished.size > 0 ? 'between' : 'tool';
  if (answered === steps) return 'final';
  const startedAt = begin < 0 ? 0 : (facts[begin]?.[3] ?? 0);
  if (!asked || asked.step !== answered || asked.at < startedAt) return 'before';
  if (asked.first === null) return 'asked';
  return asked.last === null ? 'stream' : 'answered';
}

/** Whether a process may be killed without any of its variations being lost for the third time without an answer. */
export function sparing(member: Member, sights: readonly Sight[]): boolean {
  return sights.filter((sight) => sight.pid === member.pid).every((sight) => sight.losses < 2);
}
