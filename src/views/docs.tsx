import { Layout } from './layout';
import type { Shell } from './shell';

export interface FieldRow {
  name: string;
  /** `path`, `query`, `header` or `body`. */
  place: string;
  type: string;
  limits: string;
  required: boolean;
  description: string;
}

export interface Call {
  method: string;
  path: string;
  summary: string;
  group: string;
  parameters: FieldRow[];
  fields: FieldRow[];
  example: string | null;
  answer: { status: string; type: string | null; fields: FieldRow[] };
}

/** Every call of the API, read from its OpenAPI document. */
export function DocsPage({
  shell,
  version,
  calls,
}: {
  shell: Shell;
  version: string;
  calls: readonly Call[];
}) {
  const groups = order.filter((group) => calls.some((call) => call.group === group));
  return (
    <Layout shell={shell} title="API">
      <h1>API</h1>
      <section class="panel pad">
        <p>
          JSON in and out, <code>snake_case</code>, times in UTC. Scripts state the key in{' '}
          <code>Authorization: Bearer …</code>; it lies in the file <code>api-key</code> of the data
          directory. A refusal is <code>{'{"error":{"code","message","field"?}}'}</code>. The same as a
          document for programs: <a href="/openapi.json">openapi.json</a>.
        </p>
        <p class="muted" safe>{`Version ${version}`}</p>
      </section>
      <nav aria-label="Calls">
        <ul class="btns">
          {groups.map((group) => (
            <li>
              <a class="btn small" href={`#${anchor(group)}`} safe>
                {group}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      {groups.map((group) => (
        <Group name={group} calls={calls.filter((call) => call.group === group)} />
      ))}
    </Layout>
  );
}

const later = 'not yet';
/** What is asked for most comes first. */
const order = ['runs', 'steering', 'results', 'tasks', 'projects', 'agents', 'service', later];

function Group({ name, calls }: { name: string; calls: readonly Call[] }) {
  const heading = (
    <h2 id={anchor(name)} safe>
      {name === later ? 'Not built yet: 501' : name}
    </h2>
  );
  if (name === later) {
    return (
      <>
        {heading as 'safe'}
        <section class="panel pad">
          <ul>
            {calls.map((call) => (
              <li>
                <code safe>{`${call.method} ${call.path}`}</code>
              </li>
            ))}
          </ul>
        </section>
      </>
    );
  }
  return (
    <>
      {heading as 'safe'}
      {calls.map((call) => (
        <CallPanel call={call} />
      ))}
    </>
  );
}

function CallPanel({ call }: { call: Call }) {
  const { parameters, fields, example, answer } = call;
  return (
    <section class="panel" id={anchor(`${call.method} ${call.path}`)}>
      <header>
        <h3>
          <code safe>{`${call.method} ${call.path}`}</code>
        </h3>
        <span class="muted" safe>
          {call.summary}
        </span>
      </header>
      {parameters.length > 0 ? <Fields title="Parameters" rows={parameters} places /> : ''}
      {fields.length > 0 ? <Fields title="Body" rows={fields} /> : ''}
      {example === null ? (
        ''
      ) : (
        <div class="pad">
          <p class="muted">Example</p>
          <pre>
            <code safe>{example}</code>
          </pre>
        </div>
      )}
      <div class="pad">
        <details>
          <summary>
            Answers <code safe>{answer.status}</code>{' '}
            <span class="muted" safe>{` ${answer.type ?? 'nothing'}`}</span>
          </summary>
          {answer.fields.length > 0 ? <Fields title="Answer" rows={answer.fields} /> : ''}
        </details>
      </div>
    </section>
  );
}

function Fields({
  title,
  rows,
  places = false,
}: {
  title: string;
  rows: readonly FieldRow[];
  places?: boolean;
}) {
  return (
    <div class="scroll">
      <table class="table">
        <thead>
          <tr>
            <th scope="col" safe>
              {title}
            </th>
            <th scope="col">Type</th>
            <th scope="col">Limits</th>
            <th scope="col">Meaning</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>
              <th scope="row">
                <code safe>{row.name}</code>
              </th>
              <td safe>{row.type}</td>
              <td safe>{row.limits}</td>
              <td safe>{meaning(row, places)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function meaning(row: FieldRow, places: boolean): string {
  const parts = [places ? row.place : '', row.required && !places ? 'required' : '', row.description];
  return parts.filter((part) => part !== '').join(': ');
}

function anchor(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}
