import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page, Run } from '../../src/core/contract';
import type { Event } from '../../src/core/fact';
import { type Provider, startProvider } from '../support/providers';
import { git, makeRepository } from '../support/repository';
import { startTestService, type TestService } from '../support/service';
import { tempDir } from '../support/temp';

/** What each agent of the provider does: look around, change one file, add two (one of them binary), finish. */
const turns = [
  { text: 'I look first.', tool_calls: [{ name: 'search', arguments: { pattern: 'export' } }] },
  {
    tool_calls: [
      { name: 'read_file', arguments: { path: 'package.json' } },
      {
        name: 'edit_file',
        arguments: { path: 'package.json', search: '"name": "hono"', replace: '"name": "renamed"' },
      },
    ],
  },
  {
    tool_calls: [
      {
        name: 'write_file',
        arguments: { path: 'docs/neu — é.md', content: '# Neu\n\nline\r\nwithout an end' },
      },
    ],
  },
  {
    tool_calls: [
      {
        name: 'run_command',
        arguments: { command: "head -c 300 /dev/urandom > blob.bin && printf '\\000' >> blob.bin" },
      },
    ],
  },
  { text: 'Renamed it.', tool_calls: [{ name: 'finish', arguments: { summary: 'Renamed the package.' } }] },
];

let service: TestService;
let provider: Provider;
let source: { path: string; head: string };

beforeAll(async () => {
  source = makeRepository({});
  // A third party's code base of some hundred files: a package that is installed here anyway.
  cpSync(join(import.meta.dir, '..', '..', 'node_modules', 'hono'), source.path, { recursive: true });
  git(source.path, 'add', '-A', '-f');
  git(source.path, 'commit', '-q', '-m', 'a package of the registry');
  source.head = git(source.path, 'rev-parse', 'HEAD');
  provider = await startProvider({ scenario: { turns } });
  service = await startTestService();
});
afterAll(async () => {
  await service.remove();
  await provider.stop();
});

describe.each(['openai', 'anthropic'] as const)('three variations by an %s-compatible server', (kind) => {
  let run: Run;
  beforeAll(async () => {
    const base_url = kind === 'openai' ? provider.openaiUrl : provider.url;
    const price = { input: 1, output: 2, cached: 0.5 };
    const agent = { name: kind, provider: kind, model: 'test-model', base_url, api_key: provider.key, price };
    expect((await service.call('/agents', agent)).status).toBe(201);
    const body = { local_path: source.path, goal: 'Rename the package', agents: [kind], variations: 3 };
    const made = await service.call<Run>('/runs', body);
    expect(made.status).toBe(201);
    run = await service.ended(made.body.id, 60_000);
  });

  test('complete, with usage and cost summed on variation and run', () => {
    expect(run.variations.map((one) => [one.status, one.error])).toEqual(Array(3).fill(['completed', null]));
    expect(run.usage.model_calls).toBe(15);
    expect(run.usage.cost_usd).toBeGreaterThan(0);
    const sum = run.variations.reduce((all, one) => all + one.usage.input_tokens, 0);
    expect(run.usage.input_tokens).toBe(sum);
    expect(provider.requests.map((request) => request.refused).filter(Boolean)).toEqual([]);
  });

  test('leave a record without gaps', async () => {
    const seen: number[] = [];
    for (let after = 0; ; ) {
      const { body } = await service.call<Page<Event>>(`/runs/${run.id}/events?after=${after}&limit=200`);
      seen.push(...body.items.map((event) => event.seq));
      if (body.next_cursor === null) break;
      after = Number(body.next_cursor);
    }
    expect(seen).toEqual(Array.from({ length: seen.length }, (_, i) => i + 1));
    expect(seen.length).toBeGreaterThan(60);
  });

  test('give diffs that apply with plain git on the base', async () => {
    for (const { position, patch } of run.variations) {
      expect(patch?.files).toBe(3);
      const { body: diff } = await service.call<string>(`/runs/${run.id}/variations/${position}/diff`);
      const copy = tempDir('copy');
      git(copy, 'clone', '-q', source.path, '.');
      git(copy, 'checkout', '-q', run.base_sha ?? '');
      const file = join(tempDir('diff'), 'the.diff');
      await Bun.write(file, diff);
      git(copy, 'apply', file);
      expect(git(copy, 'status', '--porcelain', '-uall').split('\n')).toHaveLength(3);
      expect(await Bun.file(join(copy, 'docs', 'neu — é.md')).text()).toBe('# Neu\n\nline\r\nwithout an end');
    }
  });

  test('leave no workspace behind', () => {
    expect(readdirSync(join(service.config.dataDir, 'workspaces'))).toEqual([]);
  });
});
