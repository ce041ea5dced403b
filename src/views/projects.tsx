import { Html } from '@kitajs/html';
import type { Page, Project } from '../core/contract';
import type { ProjectFigures } from '../core/project-figures';
import { ago, moment, percent } from './format';
import { Layout } from './layout';
import { Icon, LevelMark, Mark } from './marks';
import { FormMistake, Mistake, wrongField } from './mistake';
import type { Shell } from './shell';
import { visible } from './visible';

/** A project as it is asked for. */
export interface NewProjectEntry {
  source: string;
  name: string;
}

export interface NewProjectError {
  /** The field that is wrong; null when it is none of them. */
  field: keyof NewProjectEntry | null;
  message: string;
}

interface Props {
  shell: Shell;
  page: Page<Project>;
  figures: ReadonlyMap<number, ProjectFigures>;
  /** Not the first page. */
  older: boolean;
  /** What was removed a moment ago. */
  removed?: boolean;
  sent?: { entry: NewProjectEntry; error: NewProjectError } | undefined;
}

/** Where code lives: the newest first. */
export function ProjectsPage({ shell, page, figures, older, removed = false, sent }: Props) {
  return (
    <Layout shell={shell} title="Projects">
      <h1>Projects</h1>
      {removed ? (
        <div class="notice" data-l="good" role="status">
          <LevelMark l="good" />
          <span>The project is removed. What it had in its repository is as it was.</span>
        </div>
      ) : (
        ''
      )}
      <div class="cols">
        <div>
          <section class="panel" aria-label="Projects">
            {page.items.length === 0 ? <Empty /> : <Table page={page} figures={figures} now={shell.now} />}
            {page.items.length === 0 ? '' : <Pager page={page} older={older} />}
          </section>
        </div>
        <aside aria-label="Add a project">
          <Add sent={sent} />
        </aside>
      </div>
    </Layout>
  );
}

function Empty() {
  return (
    <div class="empty">
      <h3>No projects yet</h3>
      <p>
        The first run of a repository makes its project. One that needs a token or a set-up is added here
        before.
      </p>
    </div>
  );
}

function Table({ page, figures, now }: { page: Page<Project>; figures: Props['figures']; now: Date }) {
  return (
    <table class="table projects">
      <caption class="vh">Projects, the newest first; runs and success of the last 90 days</caption>
      <thead>
        <tr>
          <th scope="col">Project</th>
          <th scope="col" class="opt">
            Checks
          </th>
          <th scope="col" class="n">
            Runs <small class="opt">90 days</small>
          </th>
          <th scope="col" class="n">
            Success
          </th>
          <th scope="col">Last run</th>
        </tr>
      </thead>
      <tbody>
        {page.items.map((project) => (
          <Row project={project} figures={figures.get(project.id)} now={now} />
        ))}
      </tbody>
    </table>
  );
}

function Row({
  project,
  figures,
  now,
}: {
  project: Project;
  figures: ProjectFigures | undefined;
  now: Date;
}) {
  const { id, name, repo_url, local_path } = project;
  const { runs = 0, success_rate = null, last = null } = figures ?? {};
  return (
    <tr>
      <th scope="row">
        <a href={`/projects/${id}`} safe>
          {visible(name)}
        </a>
        <small safe>{visible(repo_url ?? local_path ?? '')}</small>
      </th>
      <td class="opt" safe>
        {checksInShort(project)}
      </td>
      <td class="n" safe>
        {String(runs)}
      </td>
      <td class="n" safe>
        {success_rate === null ? '–' : percent(success_rate)}
      </td>
      <td>
        {last === null ? (
          <span class="muted">none</span>
        ) : (
          <span class="last">
            <Mark s={last.status} />
            <a href={`/runs/${last.id}`}>{Html.escapeHtml(`#${last.id}`)}</a>{' '}
            <time datetime={last.created_at} title={moment(last.created_at)} safe>
              {ago(last.created_at, now)}
            </time>
          </span>
        )}
      </td>
    </tr>
  );
}

function checksInShort({ checks, checks_set }: Project): string {
  if (checks.length === 0) return checks_set ? 'none' : 'to be detected';
  return `${checks.length}${checks_set ? '' : ', detected'}`;
}

function Pager({ page, older }: { page: Page<Project>; older: boolean }) {
  return (
    <div class="pager">
      <span class="muted" safe>{`${page.items.length} of ${page.total}`}</span>
      <span>
        {older ? (
          <a class="btn small quiet" href="/projects">
            First page
          </a>
        ) : (
          ''
        )}
        {page.next_cursor === null ? (
          ''
        ) : (
          <a class="btn small quiet" href={`/projects?cursor=${encodeURIComponent(page.next_cursor)}`}>
            Older projects
            <Icon i="down" />
          </a>
        )}
      </span>
    </div>
  );
}

function Add({ sent }: Pick<Props, 'sent'>) {
  const { entry = { source: '', name: '' }, error } = sent ?? {};
  const wrong = (name: keyof NewProjectEntry) => wrongField(error?.field === name, `new-${name}-e`);
  return (
    <section class="panel" aria-labelledby="add-h">
      <header>
        <h2 id="add-h">Add a project</h2>
      </header>
      <div class="pad">
        <form class="form" action="/projects" method="post">
          <FormMistake error={error} />
          <div class="field">
            <label for="new-source">URL or folder</label>
            <input
              id="new-source"
              name="source"
              value={Html.escapeHtml(entry.source)}
              autocomplete="off"
              spellcheck="false"
              required
              maxlength="2000"
              placeholder="https://… or /home/me/code"
              {...wrong('source')}
            />
            {error?.field === 'source' ? <Mistake id="new-source-e" message={error.message} /> : ''}
          </div>
          <div class="field">
            <label for="new-name">
              Name <small>else the last part of the address</small>
            </label>
            <input
              id="new-name"
              name="name"
              value={Html.escapeHtml(entry.name)}
              autocomplete="off"
              maxlength="100"
              {...wrong('name')}
            />
            {error?.field === 'name' ? <Mistake id="new-name-e" message={error.message} /> : ''}
          </div>
          <div class="btns">
            <button class="btn primary grow" type="submit">
              Add
            </button>
          </div>
        </form>
      </div>
    </section>
  );
}
