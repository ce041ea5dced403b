import { Html } from '@kitajs/html';
import type { Page, Project, Run } from '../core/contract';
import type { ProjectFigures } from '../core/project-figures';
import { moment, percent } from './format';
import { Layout } from './layout';
import { LevelMark } from './marks';
import { FormMistake, Mistake, wrongField } from './mistake';
import type { ProjectEntry, ProjectError } from './project-entry';
import { ProjectForm } from './project-form';
import { RunRow } from './runlist';
import type { Shell } from './shell';
import { Problem } from './toast';
import { visible } from './visible';

interface Props {
  shell: Shell;
  project: Project;
  figures: ProjectFigures | undefined;
  /** Its newest ones. */
  runs: Page<Run>;
  entry: ProjectEntry;
  error?: ProjectError | undefined;
  /** A token that could not be taken: who it is for, and what is wrong with which field. */
  token?: { user: string; error: ProjectError } | undefined;
  saved?: boolean;
  problem?: { strong: string; rest: string } | undefined;
}

/** Where code lives, and what is to be known of it. */
export function ProjectPage({ shell, project, figures, runs, entry, error, token, saved, problem }: Props) {
  return (
    <Layout shell={shell} title={visible(project.name)}>
      <Problem problem={problem} />
      <div>
        <nav class="crumbs" aria-label="Where you are">
          <a href="/projects">Projects</a>
          <span aria-hidden="true">/</span>
          <span safe>{visible(project.name)}</span>
        </nav>
        <h1 safe>{visible(project.name)}</h1>
      </div>
      {saved && !error ? (
        <div class="notice" data-l="good" role="status">
          <LevelMark l="good" />
          <span>Saved. It holds for what starts from now on.</span>
        </div>
      ) : (
        ''
      )}
      <div class="cols project">
        <ProjectForm project={project} entry={entry} error={error} />
        <aside aria-label="In short, token, removal">
          <InShort project={project} figures={figures} />
          <TokenPanel project={project} sent={token} />
          <Remove project={project} />
        </aside>
      </div>
      <Runs project={project} runs={runs} now={shell.now} />
    </Layout>
  );
}

function InShort({ project, figures }: { project: Project; figures: ProjectFigures | undefined }) {
  const { repo_url, local_path, created_at } = project;
  return (
    <section class="panel pad" aria-labelledby="p-short-h">
      <h2 id="p-short-h">In short</h2>
      <dl class="pairs">
        <div>
          <dt>{repo_url === null ? 'Folder' : 'Repository'}</dt>
          <dd>
            <code safe>{visible(repo_url ?? local_path ?? '')}</code>
          </dd>
        </div>
        <div>
          <dt>Runs in 90 days</dt>
          <dd safe>{String(figures?.runs ?? 0)}</dd>
        </div>
        <div>
          <dt>Success</dt>
          <dd safe>
            {figures === undefined || figures.success_rate === null ? '–' : percent(figures.success_rate)}
          </dd>
        </div>
        <div>
          <dt>Since</dt>
          <dd>
            <time datetime={created_at} safe>
              {moment(created_at).replace(/,.*/, '')}
            </time>
          </dd>
        </div>
      </dl>
    </section>
  );
}

function TokenPanel({ project, sent }: { project: Project; sent: Props['token'] }) {
  const { id, repo_url, has_token, token_user } = project;
  const error = sent?.error;
  const wrong = (name: 'token' | 'token_user') => wrongField(error?.field === name, `p-${name}-e`);
  const takes = /^https:\/\//i.test(repo_url ?? '');
  return (
    <section class="panel" id="token" aria-labelledby="p-token-h">
      <header>
        <h2 id="p-token-h">Token</h2>
        <span class="muted">{has_token ? 'set' : 'not set'}</span>
      </header>
      <div class="pad">
        {takes ? (
          <form class="form" action={`/projects/${id}/token`} method="post" autocomplete="off">
            <p class="muted">
              Lets git and the forge in at this repository, and only there. It is kept sealed, and never shown
              again.
            </p>
            <FormMistake error={error} />
            <div class="field">
              <label for="p-token">{has_token ? 'Another token' : 'Token'}</label>
              <input
                id="p-token"
                name="token"
                type="password"
                autocomplete="new-password"
                {...wrong('token')}
              />
              {error?.field === 'token' ? <Mistake id="p-token-e" message={error.message} /> : ''}
            </div>
            <div class="field">
              <label for="p-token_user">
                User name <small>where the forge asks for one</small>
              </label>
              <input
                id="p-token_user"
                name="token_user"
                value={Html.escapeHtml(sent?.user ?? token_user ?? '')}
                autocomplete="off"
                spellcheck="false"
                placeholder="x-access-token"
                {...wrong('token_user')}
              />
              {error?.field === 'token_user' ? <Mistake id="p-token_user-e" message={error.message} /> : ''}
            </div>
            <div class="btns">
              <button class="btn" type="submit" name="do" value="set">
                {has_token ? 'Change' : 'Set'}
              </button>
              {has_token ? (
                <button class="btn quiet danger" type="submit" name="do" value="clear">
                  Remove the token
                </button>
              ) : (
                ''
              )}
            </div>
          </form>
        ) : (
          <p class="muted">
            {repo_url === null
              ? 'None is needed for a folder on this machine.'
              : 'A token goes to https addresses only; this one is let in otherwise.'}
          </p>
        )}
      </div>
    </section>
  );
}

function Remove({ project }: { project: Project }) {
  return (
    <details class="more">
      <summary>
        <span>Remove this project</span>
        <small>once no run needs it</small>
      </summary>
      <form class="form" action={`/projects/${project.id}/delete`} method="post">
        <p class="muted">Its settings and its token go; the repository stays as it is.</p>
        <div class="btns">
          <button class="btn danger" type="submit">
            Remove it
          </button>
        </div>
      </form>
    </details>
  );
}

function Runs({ project, runs, now }: { project: Project; runs: Page<Run>; now: Date }) {
  return (
    <section aria-labelledby="p-runs-h">
      <div class="head">
        <h2 id="p-runs-h">Newest runs</h2>
        {runs.total > runs.items.length ? (
          <a class="btn small quiet end" href={`/?project_id=${project.id}`} safe>
            {`All ${runs.total}`}
          </a>
        ) : (
          ''
        )}
      </div>
      <div class="panel box">
        {runs.items.length === 0 ? (
          <div class="empty">
            <h3>No runs yet</h3>
            <p>Start one: its first field takes this project’s name.</p>
          </div>
        ) : (
          <ol class="runs">
            {runs.items.map((run) => (
              <RunRow run={run} now={now} />
            ))}
          </ol>
        )}
      </div>
    </section>
  );
}
