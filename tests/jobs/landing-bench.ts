import { join } from 'node:path';
import type { LandingRequest, ProjectCheck } from '../../drizzle/schema';
import { type Config, readConfig } from '../../src/config';
import type { Landing } from '../../src/core/contract';
import { listEvents } from '../../src/core/event';
import type { Event } from '../../src/core/fact';
import { getLanding, landRun, undoLanding } from '../../src/core/landing';
import { createProject, type Source } from '../../src/core/project';
import type { NewRun } from '../../src/core/run';
import { chooseWinner } from '../../src/core/winner';
import { startErrands } from '../../src/jobs/errands';
import { landing } from '../../src/jobs/landing';
import type { Parts } from '../../src/jobs/parts';
import { completeOne, landRequest, type Made } from '../core/landing-scene';
import { makeRun } from '../core/scene';
import { type ForgeServer, startForgeServer } from '../support/forge-server';
import { git, makeRepository } from '../support/repository';
import { removeTemp } from '../support/temp';
import { until } from '../support/wait';
import { type Bench, openBench } from './bench';

export const repository = 'team/project';

/** All that lands winners: a forge with its git server, and a bench whose projects are its repositories. */
export interface LandingBench {
  forge: ForgeServer;
  bench: Bench;
  /** Where the next project lies: pushed to the forge, or a folder. */
  work: string;
  /** A new repository on the forge, empty of pull requests, and a project of it. */
  fresh(change?: { local?: boolean; checks?: ProjectCheck[] }): Promise<number>;
  /** Commits a file to the repository's main branch, as somebody else does. */
  push(path: string, text: string): string;
  /** Git in the repository that is landed in. */
  there(...args: string[]): string;
  /** A run whose first variation has won with these patches. */
  won(project: number, made?: Made, change?: Partial<NewRun>): Promise<number>;
  /** Lands it, and waits for the end of that. */
  land(runId: number, request?: Partial<LandingRequest>): Promise<Landing>;
  undo(runId: number): Promise<Landing>;
  settled(runId: number): Promise<Landing>;
  events(runId: number): Promise<Event[]>;
  /** What the errands' log said. */
  said: string[];
  /** Ends the errands as a shutdown does; begun again by the function that it gives. */
  pause(): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** A whole file's change, as a patch. */
export function patchOf(path: string, before: string, after: string): string {
  const lines = (text: string) => text.replace(/\n$/, '').split('\n');
  const [old, now] = [lines(before), lines(after)];
  return [
    `diff --git a/${path} b/${path}`,
    `--- a/${path}`,
    `+++ b/${path}`,
    `@@ -1,${old.length} +1,${now.length} @@`,
    ...old.map((line) => `-${line}`),
    ...now.map((line) => `+${line}`),
    '',
  ].join('\n');
}

export const two = patchOf('a.txt', 'one\n', 'two\n');

let count = 0;

export async function openLandingBench(
  kind: 'github' | 'forgejo' = 'forgejo',
  change: Partial<Config> = {},
): Promise<LandingBench> {
  const forge = await startForgeServer(kind, repository);
  const env =
    kind === 'github'
      ? { GITHUB_API_URL: forge.apiUrl, GITHUB_TOKEN: forge.git.token }
      : { FORGEJO_URL: forge.url, FORGEJO_TOKEN: forge.git.token };
  const { forges, forgeHosts, sslCertFile } = readConfig({ ...env, SSL_CERT_FILE: forge.git.caFile });
  const bench = await openBench(null, { forges, forgeHosts, sslCertFile, ...change });
  const said: string[] = [];
  const say = (message: string, fields?: object) =>
    void said.push(
      `${message} ${JSON.stringify(fields, (_, value) => (value instanceof Error ? value.stack : value))}`,
    );
  const log = { debug: say, info: say, warn: say, error: say };
  const parts: Parts = { ...bench.parts, log, waits: { retryMs: 20 } };
  const start = () => startErrands(parts, 'lander', { landings: landing });
  let stop = await start();
  const works: string[] = [];
  let target = '';

  const here: LandingBench = {
    ...{ forge, bench, said, work: '' },
    async fresh({ local = false, checks = [] } = {}) {
      count += 1;
      const { path } = makeRepository({ 'a.txt': 'one\n', 'b.txt': 'bee\n' });
      works.push(path);
      here.work = path;
      let source: Source = { repo_url: null, local_path: path };
      target = path;
      if (!local) {
        removeTemp(forge.git.pathOf(repository));
        forge.git.add(repository, path);
        target = forge.git.pathOf(repository);
        source = { repo_url: forge.git.urlOf(repository), local_path: null };
      }
      forge.faults = {};
      forge.git.faults = {};
      forge.pulls.length = 0;
      forge.requests.length = 0;
      forge.git.requests.length = 0;
      const { id } = await createProject(bench.database, {
        ...{ ...source, name: `project ${count}`, default_branch: null, checks },
      });
      return id;
    },
    push(path, text) {
      Bun.write(join(here.work, path), text);
      git(here.work, 'add', '-A');
      git(here.work, 'commit', '-q', '-m', `change ${path}`);
      if (target !== here.work) git(here.work, 'push', '-q', target, 'main:main');
      return git(here.work, 'rev-parse', 'HEAD');
    },
    there: (...args) => git(target, ...args),
    async won(project_id, made = {}, more = {}) {
      const runId = await makeRun(bench.database, 1, { project_id, goal: 'Make it two', ...more });
      const base = git(here.work, 'rev-parse', 'HEAD');
      await completeOne(bench.database, runId, 1, { base, patches: [two], ...made });
      await chooseWinner(bench.database, runId, { position: 1, by: 'person', note: null });
      return runId;
    },
    async land(runId, request = {}) {
      await landRun(bench.database, runId, { ...landRequest, ...request });
      return await here.settled(runId);
    },
    async undo(runId) {
      await undoLanding(bench.database, runId);
      return await here.settled(runId);
    },
    settled: (runId) =>
      until(
        async () => {
          const seen = await getLanding(bench.database, runId);
          return /^(landed|failed|undone)$/.test(seen.status) && seen;
        },
        `the end of the landing of run ${runId}`,
        30_000,
      ),
    events: (runId) => listEvents(bench.database, runId, { limit: 100_000 }),
    async pause() {
      await stop();
      return async () => {
        stop = await start();
      };
    },
    async close() {
      await stop();
      await bench.close();
      await forge.stop();
      for (const path of works) removeTemp(path);
    },
  };
  return here;
}
