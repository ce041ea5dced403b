import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { Run } from '../../src/core/contract';
import { secretFile } from '../../src/core/data-dir';
import { openVault } from '../../src/core/secret';
import { type Provider, startProvider } from '../support/providers';
import { makeRepository } from '../support/repository';
import { scenario, startTestService, type TestService } from '../support/service';
import { openRows } from './rows';

const secret = 'sk-live-Zm9vYmFy_0123456789';

let service: TestService;
let provider: Provider;
let said = '';
const write = process.stderr.write.bind(process.stderr);
beforeAll(async () => {
  process.stderr.write = ((text: string | Uint8Array) => {
    said += String(text);
    return true;
  }) as typeof process.stderr.write;
  provider = await startProvider({ key: 'another-key-0123456789' });
  service = await startTestService({ logLevel: 'debug' });
}, 30_000);
afterAll(async () => {
  process.stderr.write = write;
  await service.remove();
  await provider.stop();
});

/** Everything that a run shows of itself, as one text. */
async function everythingOf(run: Run): Promise<Record<string, string>> {
  const texts: Record<string, string> = {};
  const get = async (path: string): Promise<string> => {
    const answer = await fetch(`${service.url}${path}`, {
      headers: { authorization: `Bearer ${service.apiKey}` },
    });
    expect(answer.status).toBe(200);
    return answer.text();
  };
  for (const path of ['', '/events?limit=200', '/stream', '/transcript', '/variations/1']) {
    texts[path] = await get(`/api/v1/runs/${run.id}${path}`);
  }
  texts.outputs = await get(`/api/v1/tasks/${run.id}/outputs?limit=200`);
  texts.page = await get(`/runs/${run.id}`);
  texts.list = await get('/');
  texts.queue = await get('/queues/api/queues?status=latest&activeQueue=variations');
  return texts;
}

test('an agent’s key is sealed in the table, not read back, and masked wherever the agent prints it', async () => {
  const { path } = makeRepository({ 'a.txt': 'a\n' });
  const made = await service.call<{ id: number; has_api_key: boolean }>('/agents', {
    name: 'leaky',
    provider: 'scripted',
    api_key: secret,
    scenario: {
      turns: [
        {
          thinking: `I know ${secret}`,
          text: `My key is ${secret}.`,
          tool_calls: [{ name: 'run_command', arguments: { command: `printf '%s' '${secret}'` } }],
        },
        { tool_calls: [{ name: 'report_progress', arguments: { percentage: 10, step: `using ${secret}` } }] },
        {
          tool_calls: [
            { name: 'write_plan', arguments: { steps: [{ text: `hide ${secret}`, status: 'active' }] } },
          ],
        },
        { tool_calls: [{ name: 'finish', arguments: { summary: `Left ${secret} alone.` } }] },
      ],
    },
  });
  expect(made.status).toBe(201);
  expect(made.body.has_api_key).toBe(true);
  expect(JSON.stringify(made.body).split('"scenario"')[0]).not.toContain(secret);

  const rows = openRows(service);
  const [row] = await rows<{ api_key: Uint8Array }[]>`select api_key from agents where id = ${made.body.id}`;
  await rows.end();
  expect(row?.api_key.length).toBeGreaterThan(secret.length);
  expect(Buffer.from(row?.api_key ?? []).includes(secret)).toBe(false);

  const { body } = await service.call<Run>('/runs', { local_path: path, goal: 'Leak', agents: ['leaky'] });
  const run = await service.ended(body.id);
  expect(run.status).toBe('completed');
  for (const [where, text] of Object.entries(await everythingOf(run))) {
    expect({ where, leaks: text.includes(secret) }).toEqual({ where, leaks: false });
  }
  expect(run.result).toContain('••••••••');
  expect(run.variations[0]?.plan?.[0]?.text).toContain('••••••••');
});

test('a project’s token is masked in what its agents print', async () => {
  const { path } = makeRepository({ 'a.txt': 'a\n' });
  const command = `printf '%s' '${secret}'`;
  await service.call('/agents', {
    ...{ name: 'finds a token', provider: 'scripted' },
    scenario: scenario({ name: 'run_command', arguments: { command } }),
  });
  const { body: project } = await service.call<{ id: number }>('/projects', {
    local_path: path,
    name: 'tokened',
  });
  const rows = openRows(service);
  const vault = openVault(secretFile(service.config.dataDir, 'secret'));
  await rows`update projects set token = ${vault.seal(secret)} where id = ${project.id}`;
  await rows.end();
  const { body } = await service.call<Run>('/runs', {
    ...{ project_id: project.id, goal: 'Print', agents: ['finds a token'] },
  });
  const run = await service.ended(body.id);
  expect(run.status).toBe('completed');
  const texts = await everythingOf(run);
  for (const [where, text] of Object.entries(texts))
    expect({ where, leaks: text.includes(secret) }).toEqual({ where, leaks: false });
  expect(texts['/transcript']).toContain('••••••••');
});

test('a failure’s message does not tell the key', async () => {
  const { path } = makeRepository({ 'a.txt': 'a\n' });
  await service.call('/agents', {
    name: 'failing',
    provider: 'scripted',
    api_key: secret,
    scenario: { turns: [{ error: { code: 'model_refused', message: `401 for ${secret}` } }] },
  });
  const { body } = await service.call<Run>('/runs', { local_path: path, goal: 'Fail', agents: ['failing'] });
  const run = await service.ended(body.id);
  expect(run.error?.code).toBe('model_refused');
  for (const [where, text] of Object.entries(await everythingOf(run))) {
    expect({ where, leaks: text.includes(secret) }).toEqual({ where, leaks: false });
  }
});

test('the service’s own key is masked too, and neither key is ever logged', async () => {
  const { path } = makeRepository({ 'a.txt': 'a\n' });
  await service.call('/agents', {
    name: 'own',
    provider: 'scripted',
    scenario: scenario({ name: 'run_command', arguments: { command: `echo ${service.apiKey}` } }),
  });
  const { body } = await service.call<Run>('/runs', { local_path: path, goal: 'Own', agents: ['own'] });
  const run = await service.ended(body.id);
  for (const text of Object.values(await everythingOf(run))) expect(text).not.toContain(service.apiKey);
  expect(said).toContain('variation ended');
  expect(said).not.toContain(secret);
  expect(said).not.toContain(service.apiKey);
});

test('a test call that fails tells why, and not the key', async () => {
  const { body } = await service.call<{ id: number }>('/agents', {
    ...{
      name: 'wrong key',
      provider: 'openai',
      model: 'test-model',
      api_key: secret,
      base_url: provider.openaiUrl,
    },
  });
  const answer = await service.call<{ ok: boolean; error: { code: string } }>(
    `/agents/${body.id}/test`,
    undefined,
    'POST',
  );
  expect(answer.status).toBe(200);
  expect(answer.body).toMatchObject({ ok: false, error: { code: 'model_refused' } });
  expect(JSON.stringify(answer.body)).not.toContain(secret);
});
