import { Html } from '@kitajs/html';
import type { Run, Variation } from '../core/contract';
import { nameOf } from './compare-words';
import { words } from './format';
import { Mark } from './marks';

/** One tab for each variation; links, so that they work without script and have addresses. */
export function Tabs({ run, current, tab }: { run: Run; current: number; tab: 'events' | 'changes' }) {
  return (
    <nav class="tabs" id="tabs" aria-label="Variations">
      {run.variations.map((one) => (
        <a
          href={`/runs/${run.id}?v=${one.position}${tab === 'changes' ? '&tab=changes' : ''}`}
          data-s={one.status}
          aria-current={one.position === current ? 'page' : undefined}
        >
          <Mark s={one.status} />
          <span>
            {one.position === run.winner?.position ? (
              <>
                <Mark s="winner" /> <span class="vh">picked: </span>
              </>
            ) : (
              ''
            )}
            {Html.escapeHtml(nameOf(one))}
          </span>
          <small safe>{stateOf(one)}</small>
        </a>
      ))}
    </nav>
  );
}

function stateOf(one: Variation): string {
  if (one.status === 'running') return `running, ${one.progress_percentage} %`;
  const fixed = one.checks.filter((check) => check.result === 'fixed').length;
  const broken = one.checks.filter((check) => check.result === 'broken').length;
  const still = one.checks.filter((check) => check.result === 'still_fails').length;
  return [
    words(one.status),
    fixed ? `${fixed} fixed` : '',
    broken ? `${broken} broken` : '',
    still ? `${still} still fails` : '',
  ]
    .filter(Boolean)
    .join(', ');
}

/** Between what a variation did and what it changed. */
export function Views({
  run,
  variation,
  tab,
}: {
  run: Run;
  variation: Variation;
  tab: 'events' | 'changes';
}) {
  const { patch, position } = variation;
  const address = `/runs/${run.id}?v=${position}`;
  return (
    <nav class="views" id="views" aria-label={`Variation ${position}`}>
      <div class="seg fit">
        <a href={address} aria-current={tab === 'events' ? 'page' : undefined}>
          Events
        </a>
        <a href={`${address}&tab=changes`} aria-current={tab === 'changes' ? 'page' : undefined}>
          <span>
            Changes{' '}
            {patch && patch.files > 0 ? (
              <>
                <span class="plus" safe>{`+${patch.additions}`}</span>{' '}
                <span class="minus" safe>{`−${patch.deletions}`}</span>
              </>
            ) : (
              ''
            )}
          </span>
        </a>
      </div>
    </nav>
  );
}
