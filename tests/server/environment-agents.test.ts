import { expect, test } from 'bun:test';
import { readConfig } from '../../src/config';
import type { Agent, Page, Run } from '../../src/core/contract';
import { startProvider } from '../support/providers';
import { makeRepository } from '../support/repository';
import { scenario, startTestService } from '../support/service';

test.each(['openai', 'anthropic'] as const)(
  'a run that names no agent is done by that of the environment: %s',
  async (name) => {
    const models: string[] = [];
    const edit = { path: 'a.txt', search: 'one', replace: 'two' };
    const provider = await startProvider({
      models,
      scenario: scenario({ name: 'edit_file', arguments: edit }),
    });
    const environment = {
      openai: { OPENAI_API_KEY: provider.key, OPENAI_BASE_URL: provider.openaiUrl },
      anthropic: { ANTHROPIC_API_KEY: provider.key, ANTHROPIC_BASE_URL: provider.url },
    };
    const service = await startTestService({ providers: readConfig(environment[name]).providers });
    try {
      const { items } = (await service.call<Page<Agent>>('/agents')).body;
      expect(items.map((agent) => agent.name)).toEqual([name]);
      models.push(...items.map((agent) => agent.model));
      const { path } = makeRepository({ 'a.txt': 'one\n' });
      const made = await service.call<Run>('/runs', { local_path: path, goal: 'Two', variations: 2 });
      expect(made.status).toBe(201);
      const run = await service.ended(made.body.id);
      expect(run.variations.map((one) => [one.status, one.agent.name, one.patch?.files])).toEqual([
        ['completed', name, 1],
        ['completed', name, 1],
      ]);
      expect(provider.requests.map((one) => [one.protocol, one.refused])).toEqual(
        Array.from({ length: provider.requests.length }, () => [name, null]),
      );
      expect(provider.requests.length).toBeGreaterThanOrEqual(4);
    } finally {
      await service.remove();
      await provider.stop();
    }
  },
);
