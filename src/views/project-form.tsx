import { Html } from '@kitajs/html';
import type { Project } from '../core/contract';
import { FormMistake, Mistake, wrongField } from './mistake';
import { ChecksField } from './project-checks';
import type { ProjectEntry, ProjectError } from './project-entry';

interface Props {
  project: Project;
  entry: ProjectEntry;
  error: ProjectError | undefined;
}

type TextField = 'name' | 'default_branch' | 'setup' | 'network' | 'allowed_commands';

/** What a project is told of its code: an ordinary POST of everything, of which what was changed is changed. */
export function ProjectForm({ project, entry, error }: Props) {
  const field = { entry, error };
  return (
    <form class="form" action={`/projects/${project.id}`} method="post">
      <FormMistake error={error} />
      <section class="panel" aria-labelledby="p-code-h">
        <header>
          <h2 id="p-code-h">Code</h2>
        </header>
        <div class="pad">
          <div class="grid2">
            <Line name="name" says="Name" {...field} />
            <Line name="default_branch" says="Default branch" placeholder="the repository’s own" {...field} />
          </div>
        </div>
      </section>
      <section class="panel" aria-labelledby="p-setup-h">
        <header>
          <h2 id="p-setup-h">Set-up and network</h2>
        </header>
        <div class="pad">
          <Lines
            name="setup"
            says="Set-up command"
            hint="brings what the project needs, before checks and agents"
            placeholder="npm ci"
            {...field}
          />
          <Lines
            name="network"
            says="Hosts that may be reached"
            hint="one a line; empty: none"
            placeholder={'packages.example.org\n*.example.org:443'}
            {...field}
          />
        </div>
      </section>
      <ChecksField project={project} {...field} />
      <section class="panel" aria-labelledby="p-allowed-h">
        <header>
          <h2 id="p-allowed-h">Commands without asking</h2>
        </header>
        <div class="pad">
          <Lines
            name="allowed_commands"
            says="Allowed commands"
            hint="one a line; for runs that ask before commands"
            placeholder={'npm test\ngit status *'}
            {...field}
          />
          <p class="muted">
            Word for word; or with any plain arguments, where a command ends in <code> *</code>.
          </p>
        </div>
      </section>
      <div class="btns">
        <button class="btn primary" type="submit">
          Save
        </button>
      </div>
    </form>
  );
}

interface FieldProps {
  name: TextField;
  says: string;
  hint?: string;
  placeholder?: string;
  entry: ProjectEntry;
  error: ProjectError | undefined;
}

function Label({ name, says, hint }: FieldProps) {
  return (
    <label for={`p-${name}`}>
      {Html.escapeHtml(says)} {hint === undefined ? '' : <small safe>{hint}</small>}
    </label>
  );
}

function marked({ name, error }: FieldProps) {
  return wrongField(error?.field === name, `p-${name}-e`);
}

function Wrong({ name, error }: FieldProps) {
  return error?.field === name ? <Mistake id={`p-${name}-e`} message={error.message} /> : '';
}

function Line(props: FieldProps) {
  const { name, placeholder, entry } = props;
  return (
    <div class="field">
      <Label {...props} />
      <input
        id={`p-${name}`}
        name={name}
        value={Html.escapeHtml(entry[name])}
        autocomplete="off"
        spellcheck="false"
        placeholder={placeholder}
        {...marked(props)}
      />
      <Wrong {...props} />
    </div>
  );
}

function Lines(props: FieldProps) {
  const { name, placeholder, entry } = props;
  return (
    <div class="field code">
      <Label {...props} />
      <textarea
        id={`p-${name}`}
        name={name}
        rows="2"
        spellcheck="false"
        autocapitalize="off"
        placeholder={placeholder}
        {...marked(props)}
        safe
      >
        {entry[name] === '' ? '' : `\n${entry[name]}`}
      </textarea>
      <Wrong {...props} />
    </div>
  );
}
