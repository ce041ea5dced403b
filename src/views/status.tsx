import type { Health, HealthPart, Level } from '../core/contract';
import { LevelMark } from './marks';

/** The status bar: every part of the service, and unsafe mode, which has to show everywhere. */
export function StatusBar({ health }: { health: Health | null }) {
  if (health === null) return '';
  const parts = Object.entries(health.parts);
  const counted = parts.filter(([, part]) => part.status !== 'off');
  const fine = counted.filter(([, part]) => part.status === 'fine').length;
  const worst = counted.some(([, part]) => part.status === 'down')
    ? 'bad'
    : fine < counted.length
      ? 'warn'
      : 'good';
  return (
    <section class="status" id="status" aria-label="Status of the service">
      <ul>
        {health.unsafe ? (
          <li data-l="bad" role="alert">
            <LevelMark l="bad" />
            <span class="vh">danger: </span>
            <b>Unsafe mode</b> <span>agents run without a sandbox, with all that this user may do</span>
          </li>
        ) : (
          ''
        )}
        {parts.map(([name, part]) => (
          <li data-l={levels[part.status]}>
            <LevelMark l={levels[part.status]} />
            <span class="vh" safe>{`${part.status}: `}</span>
            <Name name={name} /> <span safe>{detail(part)}</span>
          </li>
        ))}
        <li class="rest">
          <LevelMark l={worst} />
          <span safe>{`${fine} of ${counted.length} fine`}</span>
        </li>
      </ul>
    </section>
  );
}

const levels: Record<HealthPart['status'], Level> = {
  fine: 'good',
  degraded: 'warn',
  down: 'bad',
  off: 'off',
};
const names: Record<string, string> = {
  database: 'Postgres',
  queue: 'Queue',
  sandbox: 'Sandbox',
  workers: 'Workers',
  models: 'Models',
  forges: 'Forges',
};

/** The workers have a page of their own. */
function Name({ name }: { name: string }) {
  if (name !== 'workers') return <b safe>{names[name] ?? name}</b>;
  return (
    <b>
      <a href="/workers">Workers</a>
    </b>
  );
}

function detail(part: HealthPart): string {
  if (part.detail !== null) return part.detail;
  if (part.latency_ms !== null) return part.latency_ms < 1 ? '< 1 ms' : `${Math.round(part.latency_ms)} ms`;
  return part.status === 'off' ? 'not set up' : '';
}
