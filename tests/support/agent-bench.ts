import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Environment } from '../../src/agent/environment';
import { bubblewrapSandbox } from '../../src/agent/environments/bubblewrap';
import { Checkouts } from '../../src/agent/environments/checkout';
import { plainSandbox } from '../../src/agent/environments/plain';
import type { Sandbox } from '../../src/agent/environments/sandbox';
import type { Journal } from '../../src/agent/journal';
import type { Assignment } from '../../src/agent/loop';
import { makeSourceIn } from '../../src/agent/mirror-source';
import type { ModelProfile } from '../../src/agent/model';
import { type Scenario, scriptedModel } from '../../src/agent/models/scripted';
import type { ToolContext } from '../../src/agent/tools/tool';
import type { Workspace } from '../../src/agent/workspace';
import type { Fact, FactType, Payloads, PlanStep } from '../../src/core/fact';
import { tempDir } from './temp';

/** A real workspace over a small repository, with its environment. */
export interface Bench {
  /** The files, as the host sees them. */
  path: string;
  environment: Environment;
  workspace: Workspace;
  context(signal?: AbortSignal): ToolContext & { streamed: string[] };
  file(name: string): Promise<string>;
  remove(): Promise<void>;
}

let sandbox: Promise<Sandbox> | null = null;

/** One sandbox serves all benches, as it serves all workspaces of a service. */
function walls(): Promise<Sandbox> {
  sandbox ??= bubblewrapSandbox(join(tempDir('etc'), 'etc'));
  return sandbox;
}

/** Made with bubblewrap; `plain` is for what must see the host to be tested. */
export async function bench(
  files: Record<string, string | Uint8Array> = {},
  kind: 'bubblewrap' | 'plain' = 'bubblewrap',
): Promise<Bench> {
  const home = await mkdtemp(join(tmpdir(), 'bakeoff-agent-'));
  // Started by root, commands run under another uid, which must get to the folders below.
  await chmod(home, 0o711);
  const source = join(home, 'source');
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(source, name)), { recursive: true });
    await Bun.write(join(source, name), content);
  }
  const mirror = join(home, 'mirror.git');
  const baseSha = (await sh(commitScript, source, mirror)).trim();
  await makeSourceIn(mirror);
  const sandbox = kind === 'plain' ? plainSandbox() : await walls();
  const folder = join(home, 'workspaces');
  const workspace = await new Checkouts(folder, sandbox).open({ mirror, baseSha, id: 'one' });
  const { environment } = workspace;
  const path = join(folder, 'one', 'tree');
  return {
    path,
    environment,
    workspace,
    context(signal = new AbortController().signal) {
      const streamed: string[] = [];
      const { journal } = recordingJournal();
      return { environment, journal, signal, streamed, onOutput: (_, text) => streamed.push(text) };
    },
    file: (name) => Bun.file(join(path, name)).text(),
    async remove() {
      await workspace.remove();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** A journal that keeps everything in an array. `planned`, `progress` and `checkpoint` are events there too. */
export function recordingJournal(answered: (payload: Payloads['model.responded']) => void = () => {}) {
  const facts: Fact[] = [];
  const seen: PlanStep[][] = [];
  let newest = '';
  const journal: Journal = {
    emit: (fact) => void facts.push(fact),
    flush: async () => {},
    directives: async () => [],
    feedback: async () => null,
    async requested(payload) {
      journal.emit({ type: 'model.requested', payload });
    },
    async answered(payload) {
      facts.push({ type: 'model.responded', payload });
      answered(payload);
    },
    async planned(steps) {
      seen.push(steps);
      facts.push({ type: 'plan.generated', payload: { steps } });
    },
    async progress(percentage, step) {
      facts.push({ type: 'variation.progress', payload: { percentage, step } });
    },
    async checkpoint(patch, step) {
      if (patch.sha256 === newest) return;
      newest = patch.sha256;
      const checkpoint = facts.filter((fact) => fact.type === 'checkpoint.saved').length + 1;
      facts.push({ type: 'checkpoint.saved', payload: { checkpoint, step, ...patch.stat } });
    },
  };
  return {
    journal,
    facts,
    types: () => facts.map((fact) => fact.type),
    of: <T extends FactType>(type: T) =>
      facts.filter((fact) => fact.type === type).map((fact) => fact.payload as Payloads[T]),
  };
}

export function scripted(
  turns: Scenario['turns'],
  more: Partial<ModelProfile> & { after?: Scenario['after'] } = {},
) {
  const { after, ...profile } = more;
  return scriptedModel(
    {
      ...{
        agent: 'scripted',
        provider: 'scripted',
        model: 'scripted-1',
        base_url: null,
        api_key: null,
        temperature: 0,
      },
      ...{ max_tokens: 4096, context_tokens: 128_000, price: null, fallback: null },
      ...profile,
      scenario: { turns, ...(after ? { after } : {}) },
    },
    60_000,
  );
}

export function assignment(
  more: Partial<Omit<Assignment, 'options'>> & { options?: Partial<Assignment['options']> } = {},
): Assignment {
  return {
    ...{ goal: 'Make it right', description: null, instructions: null, context: [], task_type: 'general' },
    agent_instructions: null,
    ...more,
    options: {
      ...{
        dry_run: false,
        verbose: false,
        max_steps: 100,
        max_retries: 3,
        approval: 'none',
        mode: 'tools',
        timeout_s: 600,
        budget_usd: null,
        budget_tokens: null,
        max_iterations: 3,
        stop_losers: false,
        pick: 'person',
        land: null,
      },
      ...more.options,
    },
  };
}

const commitScript = `set -e
mkdir -p "$1" && cd "$1" && umask 022
git init --quiet --initial-branch=main && git add -A
git -c user.name=t -c user.email=t@localhost commit --quiet --allow-empty -m base
git clone --quiet --bare . "$2" && chmod -R a+rX "$2"
git rev-parse HEAD`;

async function sh(script: string, ...args: string[]): Promise<string> {
  const child = Bun.spawn(['sh', '-c', script, 'sh', ...args], {
    stdout: 'pipe',
    stderr: 'pipe',
    stdin: 'ignore',
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(err);
  return out;
}
