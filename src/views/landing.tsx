import { Html } from '@kitajs/html';
import type { LandingStatus } from '../../drizzle/schema';
import type { Landing, Run } from '../core/contract';
import { ago, moment, time } from './format';
import { Icon, LevelMark, State } from './marks';
import { visible } from './visible';

const states: Record<LandingStatus, [mark: string, word: string]> = {
  wanted: ['queued', 'waits to land'],
  landing: ['running', 'landing'],
  landed: ['completed', 'landed'],
  failed: ['failed', 'did not land'],
  undo_wanted: ['running', 'being undone'],
  undoing: ['running', 'being undone'],
  undone: ['stopped', 'undone'],
};

/** Whether a winner is out, or about to be: then it stays the winner, and does not land once more. */
export function isOut(landing: Pick<Landing, 'status'> | null): boolean {
  return landing !== null && landing.status !== 'failed' && landing.status !== 'undone';
}

/**
 * How a run's winner stands on its way out; undefined where it has not set out.
 * @param remedy what a person can do about the landing's error
 */
export function Landed({ run, remedy, now }: { run: Run; remedy: string | null; now: Date }) {
  const { landing } = run;
  if (landing === null) return undefined;
  const [mark, word] = states[landing.status];
  return (
    <div class="landing" id="landing">
      <p>
        <State s={mark} word={word} /> <Where landing={landing} />
        {landing.landed_at === null ? (
          ''
        ) : (
          <>
            {', '}
            <time datetime={landing.landed_at} title={moment(landing.landed_at)} safe>
              {ago(landing.landed_at, now)}
            </time>
          </>
        )}
        {landing.retry_at === null ? '' : Html.escapeHtml(`; tried again at ${time(landing.retry_at, now)}`)}
      </p>
      {landing.pull_request === null ? '' : <Pull pull={landing.pull_request} />}
      {landing.error === null ? '' : <Trouble error={landing.error} remedy={remedy} />}
      {canUndo(landing) ? (
        <form action={`/runs/${run.id}/unland`} method="post">
          <button class="btn small" type="submit">
            <Icon i="restore" />
            {Html.escapeHtml(undoWord(landing))}
          </button>
        </form>
      ) : (
        ''
      )}
    </div>
  );
}

function Where({ landing: { mode, variation, branch, target, commit } }: { landing: Landing }) {
  const at =
    commit === null ? (
      ''
    ) : (
      <>
        {' '}
        at <code safe>{commit.slice(0, 7)}</code>
      </>
    );
  const onto = target === null ? 'the default branch' : <code safe>{visible(target)}</code>;
  if (mode === 'merge')
    return (
      <>
        {Html.escapeHtml(`${variation} into `)}
        {onto as 'safe'}
        {at as 'safe'}
      </>
    );
  return (
    <>
      {Html.escapeHtml(`${variation} as ${mode === 'pull_request' ? 'a pull request from ' : ''}`)}
      {branch === null ? 'a branch' : <code safe>{visible(branch)}</code>}
      {at as 'safe'} for {onto as 'safe'}
    </>
  );
}

const pullMarks = { open: 'running', closed: 'stopped', merged: 'completed' } as const;
const checkWords = {
  pending: ['running', 'its checks run'],
  passed: ['passes', 'its checks pass'],
  failed: ['still_fails', 'its checks fail'],
} as const;

function Pull({ pull: { number, url, state, checks } }: { pull: NonNullable<Landing['pull_request']> }) {
  // What a forge says is its address is followed only where it is one of the web.
  const web = /^https?:\/\//.test(url);
  const name = `Pull request #${number}`;
  return (
    <p>
      {web ? (
        <a href={Html.escapeHtml(url)} rel="noreferrer" safe>
          {name}
        </a>
      ) : (
        Html.escapeHtml(name)
      )}{' '}
      <State s={pullMarks[state]} word={state} />{' '}
      {checks === 'none' ? '' : <State s={checkWords[checks][0]} word={checkWords[checks][1]} />}
    </p>
  );
}

const mostPaths = 10;

function Trouble({ error, remedy }: { error: NonNullable<Landing['error']>; remedy: string | null }) {
  const paths = error.paths ?? [];
  return (
    <div class="notice" data-l="bad">
      <LevelMark l="bad" />
      <div>
        <code safe>{error.code}</code> {Html.escapeHtml(visible(error.message))}
        {remedy === null ? '' : <p safe>{remedy}</p>}
        {paths.length === 0 ? '' : <Paths paths={paths} total={paths.length} />}
      </div>
    </div>
  );
}

/** Files that stand in the way. */
export function Paths({ paths, total }: { paths: readonly string[]; total: number }) {
  const shown = paths.slice(0, mostPaths);
  return (
    <ul class="says">
      {shown.map((path) => (
        <li>
          <code safe>{visible(path)}</code>
        </li>
      ))}
      {total > shown.length ? <li class="muted" safe>{`and ${total - shown.length} more`}</li> : ''}
    </ul>
  );
}

function canUndo({ status, branch, pull_request }: Landing): boolean {
  if (pull_request?.state === 'merged') return false;
  return status === 'landed' || status === 'wanted' || (status === 'failed' && branch !== null);
}

function undoWord({ status, mode, pull_request }: Landing): string {
  if (status === 'wanted') return 'Do not land';
  if (pull_request !== null) return 'Undo: close the pull request';
  return mode === 'merge' ? 'Undo: revert it' : 'Undo: delete the branch';
}
