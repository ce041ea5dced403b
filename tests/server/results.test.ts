import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Value } from '@sinclair/typebox/value';
import type { Run, Variation } from '../../src/core/contract';
import { runSchema, variationSchema } from '../../src/server/schemas';
import { verdictSchema } from '../../src/server/schemas-verdict';
import { git, makeRepository } from '../support/repository';
import { scenario, startTestService, type TestService } from '../support/service';
import { removeTemp, tempDir } from '../support/temp';
import { until } from '../support/wait';

/** A run of three variations that write the same file, one of them another one besides. */
let service: TestService;
let id: number;
const repository = makeRepository({ 'a.txt': 'one\n', 'b.txt': 'one\n' });
const clone = tempDir('clone');

beforeAll(async () => {
  service = await startTestService();
  const write = (path: string, content: string) => ({ name: 'write_file', arguments: { path, content } });
  const agents = {
    first: [write('a.txt', 'first\n')],
    second: [write('a.txt', 'second\n'), write('b.txt', 'second\n')],
    silent: [],
  };
  for (const [name, calls] of Object.entries(agents))
    await service.call('/agents', {
      ...{ name, kind: 'builtin', provider: 'scripted', model: name },
      scenario: scenario(...calls),
    });
  const made = await service.call<Run>('/runs', {
    ...{ local_path: repository.path, goal: 'Write', variations: 3, agents: Object.keys(agents) },
    options: { max_iterations: 1 },
  });
  id = made.body.id;
  await ranked();
  git(clone, 'clone', '-q', repository.path, '.');
}, 60_000);
afterAll(async () => {
  await service.remove();
  for (const path of [repository.path, clone]) removeTemp(path);
});

function ranked(after = 0): Promise<Run> {
  return until(
    async () => {
      const { body } = await service.call<Run>(`/runs/${id}`);
      return (body.verdict?.id ?? 0) > after && !body.judging && body;
    },
    'the verdict',
    25_000,
  );
}

interface Refusal {
  error: { code: string; message: string; field?: string; conflicts?: { path: string }[] };
}
const refused = async (path: string, body?: unknown, method?: string) => {
  const answer = await service.call<Refusal>(path, body, method);
  return [answer.status, answer.body.error.code, answer.body.error.field ?? null];
};

describe('a verdict', () => {
  test('is given out as the contract has it, by itself and with its run', async () => {
    const { status, body } = await service.call(`/runs/${id}/verdict`);
    expect([status, ...Value.Errors(verdictSchema, body)]).toEqual([200]);
    const run = (await service.call<Run>(`/runs/${id}`)).body;
    expect([...Value.Errors(runSchema, run)]).toEqual([]);
    expect(run.verdict).toEqual(body as unknown as Run['verdict']);
    expect((run.verdict?.ranking ?? []).map((place) => place.position).sort()).toEqual([1, 2, 3]);
  });

  test('is asked for again, and is another one', async () => {
    const before = (await ranked()).verdict!.id;
    const asked = await service.call<Run>(`/runs/${id}/verdict`, undefined, 'POST');
    expect([asked.status, asked.body.id]).toEqual([202, id]);
    expect((await ranked(before)).verdict?.asked_by).toBe('person');
  });

  test('of no run, of one that has not ended, or of none that was judged is refused', async () => {
    expect(await refused('/runs/999999/verdict')).toEqual([404, 'run_not_found', null]);
    expect(await refused('/runs/999999/verdict', undefined, 'POST')).toEqual([404, 'run_not_found', null]);
    expect(await refused(`/runs/${id}/verdict`, { extra: 1 })).toEqual([422, 'invalid', 'extra']);
    const waits = await service.call<Run>('/runs', {
      ...{ local_path: repository.path, goal: 'Later', agents: ['silent'] },
      scheduled_at: new Date(Date.now() + 3_600_000).toISOString(),
    });
    const path = `/runs/${waits.body.id}`;
    expect(await refused(`${path}/verdict`)).toEqual([404, 'verdict_not_found', null]);
    expect(await refused(`${path}/verdict`, undefined, 'POST')).toEqual([409, 'not_ended', null]);
    await service.call(`${path}/stop`, undefined, 'POST');
    expect(await refused(`${path}/verdict`, undefined, 'POST')).toEqual([409, 'nothing_completed', null]);
  });
});

describe('a diff against another variation', () => {
  test('leads from that one’s files to this one’s', async () => {
    const apply = async (path: string) => {
      const { body } = await service.call<string>(path);
      await Bun.write(join(clone, 'patch'), body);
      git(clone, 'apply', 'patch');
    };
    git(clone, 'checkout', '-q', '-f', repository.head);
    await apply(`/runs/${id}/variations/1/diff`);
    await apply(`/runs/${id}/variations/2/diff?against=1`);
    expect(readFileSync(join(clone, 'a.txt'), 'utf8') + readFileSync(join(clone, 'b.txt'), 'utf8')).toBe(
      'second\nsecond\n',
    );
    const one = await service.call<string>(`/runs/${id}/variations/2/diff?against=1&path=b.txt`);
    expect(one.body).toContain('b.txt');
    expect(one.body).not.toContain('a.txt');
  });

  test('is refused where there is nothing to compare with', async () => {
    const path = `/runs/${id}/variations/1/diff`;
    expect(await refused(`${path}?against=9`)).toEqual([404, 'variation_not_found', null]);
    expect(await refused(`${path}?against=3`)).toEqual([409, 'no_result', null]);
    expect(await refused(`${path}?against=x`)).toEqual([422, 'invalid', 'against']);
    expect(await refused(`${path}?against=2&checkpoint=1`)).toEqual([422, 'invalid', 'checkpoint']);
  });
});

describe('a graft', () => {
  const path = () => `/runs/${id}/grafts`;
  const parts = [
    { variation: 1, path: 'a.txt' },
    { variation: 2, path: 'b.txt', hunks: [1] },
  ];

  test('is made once for one key, checked, and ranked with the others', async () => {
    const before = (await ranked()).verdict!.id;
    const send = () =>
      fetch(`${service.url}/api/v1${path()}`, {
        method: 'POST',
        headers: {
          ...{ authorization: `Bearer ${service.apiKey}`, 'content-type': 'application/json' },
          'idempotency-key': 'graft-1',
        },
        // A hunk that is named twice is one.
        body: JSON.stringify({ parts: [parts[0], { ...parts[1], hunks: [1, 1] }] }),
      });
    const [made, again] = [await send(), await send()];
    expect([made.status, again.status]).toEqual([201, 200]);
    const variation = (await made.json()) as Variation;
    expect([...Value.Errors(variationSchema, variation)]).toEqual([]);
    expect(variation).toMatchObject({ kind: 'graft', graft: { on: null, parts }, patch: { files: 2 } });
    expect(made.headers.get('location')).toBe(`/api/v1/runs/${id}/variations/${variation.position}`);
    expect(((await again.json()) as Variation).position).toBe(variation.position);
    const run = await ranked(before);
    expect(run.variations.at(-1)).toMatchObject({ status: 'completed', usage: { model_calls: 0 } });
    expect(run.verdict?.ranking.map((place) => place.position)).toContain(variation.position);
  }, 40_000);

  test('whose parts clash is refused with what clashes', async () => {
    const clash = { parts: [1, 2].map((variation) => ({ variation, path: 'a.txt' })) };
    const { status, body } = await service.call<Refusal>(path(), clash);
    expect([status, body.error.code]).toEqual([409, 'graft_conflict']);
    expect(body.error.conflicts).toMatchObject([{ path: 'a.txt' }]);
  });

  test.each([
    [{ parts: [] }, 422, 'invalid', 'parts'],
    [{ parts: [{ variation: 1, path: 'nowhere' }] }, 422, 'invalid', 'parts.0.path'],
    [{ parts: [{ variation: 1, path: 'a.txt', hunks: [7] }] }, 422, 'invalid', 'parts.0.hunks'],
    [{ parts: [{ variation: 1, path: 'a.txt', hunks: [0] }] }, 422, 'invalid', 'parts.0.hunks.0'],
    [{ parts: [{ variation: 1, path: '../a.txt' }] }, 422, 'invalid', 'parts.0.path'],
    [{ parts: [{ variation: 3, path: 'a.txt' }] }, 409, 'no_result', null],
    [{ parts: [{ variation: 77, path: 'a.txt' }] }, 404, 'variation_not_found', null],
    [{ on: 77, parts: [{ variation: 1, path: 'a.txt' }] }, 404, 'variation_not_found', null],
    [{ parts: [{ variation: 1, path: 'a.txt', extra: true }] }, 422, 'invalid', 'parts.0.extra'],
  ] as [object, number, string, string | null][])('%j is refused', async (body, status, code, field) => {
    expect(await refused(path(), body)).toEqual([status, code, field]);
  });
});
