import forgejoDescription from './forgejo.openapi.json';
import { type GitServer, startGitServer } from './git-server';
import githubDescription from './github.openapi.json';
import { type Call, Description, type OpenApi } from './openapi';
import { git } from './repository';

export interface StoredPull {
  number: number;
  head: string;
  base: string;
  title: string;
  body: string;
  state: 'open' | 'closed';
  merged_sha: string | null;
  labels: string[];
  /** From another repository, whose owner is a stranger. */
  fork?: boolean;
}

/** What the forge does to the next requests, until it is told otherwise. */
export interface ForgeFaults {
  /** Answers with this, having done nothing. */
  answer?: { status: number; headers?: Record<string, string>; body?: string };
  /** Opens the pull request, and drops the connection. */
  cutAfterCreate?: boolean;
  /** Opens the pull request, and answers only when this has come about. */
  holdAfterCreate?: Promise<void>;
  /** Drops the connection, having done nothing. */
  cut?: boolean;
  /** Repositories that have another name now: old to new. */
  moved?: Record<string, string>;
  /** Refuses everything about labels. */
  refuseLabels?: boolean;
  /** Answers only when this has come about. */
  hold?: Promise<void>;
}

export interface ForgeServer {
  /** Its repositories; the same host, token and certificate. */
  git: GitServer;
  /** What GITHUB_API_URL and FORGEJO_URL would be. */
  apiUrl: string;
  url: string;
  kind: 'github' | 'forgejo';
  faults: ForgeFaults;
  pulls: StoredPull[];
  /** Names that the repository knows. */
  labels: string[];
  /** What it says of every commit. */
  checks: { runs: { status: string; conclusion: string | null }[]; status: string | null };
  /** Method and path of each request. */
  requests: string[];
  /** What was wrong with requests, and with its own answers: to be empty. */
  violations: string[];
  merge(number: number, sha: string): void;
  stop(): Promise<void>;
}

const kinds = {
  github: { document: githubDescription as unknown as OpenApi, base: '/api/v3', scheme: 'Bearer' },
  forgejo: { document: forgejoDescription as unknown as OpenApi, base: '/api/v1', scheme: 'token' },
};

/** Where the two differ: what an answer looks like, and which status says what. */
interface Dialect {
  pull(pull: StoredPull): Record<string, unknown>;
  pulls(pulls: StoredPull[]): unknown;
  label(name: string): unknown;
  exists: number;
  changed: number;
}

/**
 * A small forge with memory beside a git server, for one repository: it knows the calls that we make, holds each against
 * the forge's own description, and its own answers too. The branches are those of the git server.
 */
export async function startForgeServer(
  kind: 'github' | 'forgejo',
  repository = 'team/project',
): Promise<ForgeServer> {
  const { document, base, scheme } = kinds[kind];
  const description = new Description(document, base);
  const server = await startGitServer(answer);
  const state = {
    git: server,
    kind,
    url: server.url,
    apiUrl: server.url + base,
    faults: {} as ForgeFaults,
    pulls: [] as StoredPull[],
    labels: ['bug'],
    checks: { runs: [], status: null } as ForgeServer['checks'],
    requests: [] as string[],
    violations: [] as string[],
    merge(number: number, sha: string) {
      Object.assign(pullOf(number) ?? {}, { state: 'closed', merged_sha: sha });
    },
    stop: () => server.stop(),
  };
  const dialect = kind === 'github' ? github() : forgejo();
  return state;

  async function answer(request: Request, path: string): Promise<Response> {
    const { faults } = state;
    state.requests.push(`${request.method} ${path}`);
    await faults.hold;
    if (faults.cut) return server.cut();
    if (faults.answer) {
      const { status, headers, body } = faults.answer;
      const type = { 'content-type': 'application/json' };
      return new Response(body ?? '{"message":"broken on purpose"}', {
        status,
        headers: { ...type, ...headers },
      });
    }
    for (const [old, now] of Object.entries(faults.moved ?? {})) {
      if (path.includes(`/${old}/`)) return Response.redirect(server.url + path.replace(old, now), 301);
    }
    if (request.headers.get('authorization') !== `${scheme} ${server.token}`)
      return json(401, refusal('Bad credentials'));
    const { call, wrong } = await description.read(request);
    if (call === null || wrong.length > 0) {
      state.violations.push(...wrong.map((one) => `${request.method} ${path}: ${one}`));
      return json(422, refusal(wrong.join(', ')));
    }
    if (`${call.params.owner}/${call.params.repo}` !== repository) return json(404, refusal('Not Found'));
    const [status, body] = act(call);
    const opened = call.method === 'post' && call.path.endsWith('/pulls') && status === 201;
    if (faults.cutAfterCreate && opened) return server.cut();
    if (opened) await faults.holdAfterCreate;
    state.violations.push(
      ...description.wrongAnswer(call, status, body).map((one) => `${status} ${path}: ${one}`),
    );
    return json(status, body);
  }

  function act(call: Call): [number, unknown] {
    const key = `${call.method} ${call.path.replace('/repos/{owner}/{repo}', '').replace(/\{(pull_number|issue_number|index)\}/, '#')}`;
    const number = Number(call.params.pull_number ?? call.params.issue_number ?? call.params.index);
    const pull = pullOf(number);
    const { body, query, params } = call;
    if (key.includes('#') && !pull) return [404, refusal('Not Found')];
    if (key.includes('/labels') && state.faults.refuseLabels) return [404, refusal('Not Found')];
    switch (key) {
      case 'get /pulls': {
        const wanted = [...state.pulls]
          .reverse()
          .filter((one) => query.state === 'all' || one.state === 'open');
        const size = Number(query.per_page ?? query.limit ?? 30);
        const from = (Number(query.page ?? 1) - 1) * size;
        const ofHead = wanted.filter(
          (one) =>
            !query.head || `${one.fork ? 'stranger' : repository.split('/')[0]}:${one.head}` === query.head,
        );
        return [200, dialect.pulls(ofHead.slice(from, from + size))];
      }
      case 'get /pulls/{base}/{head}': {
        const found = state.pulls.find((one) => one.base === params.base && one.head === params.head);
        return found ? [200, dialect.pull(found)] : [404, refusal('Not Found')];
      }
      case 'post /pulls':
        return open(body as { head: string; base: string; title: string; body: string });
      case 'get /pulls/#':
        return [200, dialect.pull(pull!)];
      case 'patch /pulls/#':
        if (body.state === 'closed' && pull!.merged_sha !== null) return [422, refusal('It is merged')];
        Object.assign(pull!, body);
        return [dialect.changed, dialect.pull(pull!)];
      case 'get /labels':
        return [200, Number(query.page ?? 1) > 1 ? [] : state.labels.map(dialect.label)];
      case 'post /labels': {
        const name = body.name as string;
        if (state.labels.includes(name)) {
          const errors = [{ resource: 'Label', code: 'already_exists', field: 'name' }];
          return [422, { ...refusal('Validation Failed'), errors }];
        }
        state.labels.push(name);
        return [201, dialect.label(name)];
      }
      case 'post /issues/#/labels': {
        const names = (body.labels as (string | number)[]).map((one) =>
          typeof one === 'number' ? state.labels[one - 1]! : one,
        );
        if (names.some((one) => !state.labels.includes(one))) return [404, refusal('Not Found')];
        pull!.labels = [...new Set([...pull!.labels, ...names])];
        return [200, pull!.labels.map(dialect.label)];
      }
      case 'get /commits/{ref}/check-runs': {
        const whole = description.example('check-run-paginated') as { check_runs: object[] };
        const check_runs = state.checks.runs.map((run) => ({ ...whole.check_runs[0], ...run }));
        return [200, { total_count: check_runs.length, check_runs }];
      }
      case 'get /commits/{ref}/status': {
        const { status } = state.checks;
        const none = kind === 'github' ? 'pending' : '';
        const counted = { state: status ?? none, total_count: status === null ? 0 : 1, sha: params.ref };
        return [
          200,
          kind === 'github' ? { ...description.example('combined-commit-status'), ...counted } : counted,
        ];
      }
      default:
        return [404, refusal('Not Found')];
    }
  }

  function open(wanted: { head: string; base: string; title: string; body: string }): [number, unknown] {
    const invalid = (message: string): [number, unknown] =>
      kind === 'github'
        ? [
            422,
            {
              ...refusal('Validation Failed'),
              errors: [{ resource: 'PullRequest', code: 'custom', message }],
            },
          ]
        : [dialect.exists, refusal(message)];
    if (shaOf(wanted.head) === null || shaOf(wanted.base) === null)
      return [kind === 'github' ? 422 : 404, refusal('There is no such branch')];
    const there = state.pulls.some(
      (one) => one.state === 'open' && !one.fork && one.head === wanted.head && one.base === wanted.base,
    );
    if (there && kind === 'github')
      return invalid(`A pull request already exists for ${repository.split('/')[0]}:${wanted.head}.`);
    if (there)
      return invalid(`pull request already exists for these targets [id: 1, head_branch: ${wanted.head}]`);
    if (shaOf(wanted.head) === shaOf(wanted.base))
      return invalid(`No commits between ${wanted.base} and ${wanted.head}`);
    const { head, base, title, body } = wanted;
    const pull = {
      number: state.pulls.length + 1,
      head,
      base,
      title,
      body,
      state: 'open' as const,
      merged_sha: null,
      labels: [],
    };
    state.pulls.push(pull);
    return [201, dialect.pull(pull)];
  }

  function pullOf(number: number): StoredPull | undefined {
    return state.pulls.find((one) => one.number === number);
  }

  function shaOf(branch: string): string | null {
    try {
      return git(server.pathOf(repository), 'rev-parse', '--verify', `refs/heads/${branch}`);
    } catch {
      return null;
    }
  }

  /** GitHub's own examples, with what is ours put in. */
  function github(): Dialect {
    const label = (name: string) => ({ ...description.example('label'), name });
    const put = (example: Record<string, unknown>, pull: StoredPull) => ({
      ...example,
      requested_teams: [],
      ...{ number: pull.number, title: pull.title, body: pull.body, state: pull.state },
      html_url: `${server.url}/${repository}/pull/${pull.number}`,
      head: { ...(example.head as object), ref: pull.head, sha: shaOf(pull.head) ?? '0'.repeat(40) },
      base: { ...(example.base as object), ref: pull.base },
      merged_at: pull.merged_sha === null ? null : '2030-01-01T00:00:00Z',
      // A test merge, while it is open.
      merge_commit_sha: pull.merged_sha ?? 'f'.repeat(40),
      labels: pull.labels.map(label),
    });
    const [item] = Object.values(description.example('pull-request-simple-items')) as Record<
      string,
      unknown
    >[];
    return {
      pull: (pull) => ({
        ...put(description.example('pull-request'), pull),
        merged: pull.merged_sha !== null,
      }),
      pulls: (pulls) => pulls.map((pull) => put(item!, pull)),
      label,
      ...{ exists: 422, changed: 200 },
    };
  }

  function forgejo(): Dialect {
    const label = (name: string) => ({
      id: state.labels.indexOf(name) + 1,
      name,
      color: 'ededed',
      url: server.url,
    });
    const show = (pull: StoredPull) => ({
      ...{ number: pull.number, id: pull.number, title: pull.title, body: pull.body, state: pull.state },
      html_url: `${server.url}/${repository}/pulls/${pull.number}`,
      head: {
        label: pull.head,
        // The branch may be gone.
        ref: shaOf(pull.head) === null ? `refs/pull/${pull.number}/head` : pull.head,
        sha: shaOf(pull.head) ?? '0'.repeat(40),
        repo_id: pull.fork ? 2 : 1,
      },
      base: { repo_id: 1, label: pull.base, ref: pull.base, sha: shaOf(pull.base) ?? '' },
      merged: pull.merged_sha !== null,
      merged_at: null,
      merge_commit_sha: pull.merged_sha,
      labels: pull.labels.map(label),
    });
    return { pull: show, pulls: (pulls) => pulls.map(show), label, exists: 409, changed: 201 };
  }
}

function refusal(message: string) {
  return {
    message,
    documentation_url: 'https://docs.example/rest',
    url: 'https://docs.example/api',
    status: '',
  };
}

function json(status: number, body: unknown): Response {
  return Response.json(body, { status });
}
