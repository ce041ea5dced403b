import { Html } from '@kitajs/html';
import type { Run } from '../core/contract';
import type { Verdict } from '../core/verdict-contract';
import { type Behind, BehindVerdict } from './behind';
import { Between, Columns } from './between';
import type { CommentTyped } from './comment';
import type { CompareQuery } from './compare-address';
import type { Comment, Criterion, VerdictEvents } from './compare-facts';
import { boxesOf, Files, shownFiles } from './compared-files';
import type { FileChange } from './diff';
import { Layout } from './layout';
import { Matrix } from './matrix';
import type { PickTyped } from './pick';
import { PickDialog } from './pick';
import { inlineProse } from './prose';
import type { Shell } from './shell';
import { Problem } from './toast';
import { type Composed, Tray } from './tray';
import { type ChangedFile, ChangesTree } from './tree';
import { JudgeButton, VerdictPanel } from './verdict';
import { visible } from './visible';

interface Props {
  shell: Shell;
  run: Run;
  verdict: Verdict | null;
  criteria: readonly Criterion[];
  events: VerdictEvents | null;
  query: CompareQuery;
  /** All files that differ between the two sides, as far as they can be listed. */
  changes: readonly ChangedFile[];
  total: number;
  /** Files that both sides changed to the same. */
  same?: readonly string[];
  /** The diff between the two sides, or of the one file that is asked for; null: too large to be shown. */
  files: readonly FileChange[] | null;
  /** By path: how many lines a file has on the right side, and the first of them where they are at hand. */
  texts?: ReadonlyMap<string, { total: number; lines: readonly string[] }>;
  /** Why there is nothing to compare. */
  missing?: string | null;
  /** What would become of what was taken. */
  composed: Composed;
  comments: readonly Comment[];
  /** Makes names for what forms send, so that sent twice it is one. */
  token: string;
  /** Events behind the verdict that are of no variation's stream. */
  behind?: readonly Behind[];
  /** The last event that the page knows; the feed goes on after it. */
  seq?: number;
  landing?: JSX.Element | undefined;
  problem?: { strong: string; rest: string } | undefined;
  /** What was typed for what could not be done. */
  picked?: PickTyped | undefined;
  commented?: CommentTyped | undefined;
  sheet?: JSX.Element | undefined;
}

/** A run's variations side by side: who is ahead and why, what differs between any two, and what can be taken of each. */
export function ComparePage(props: Props) {
  const { shell, run, verdict, events, query } = props;
  const { now } = shell;
  const shown = shownFiles(props.files ?? [], query);
  const highest = run.variations.reduce((most, one) => Math.max(most, one.position), 0);
  return (
    <Layout shell={shell} title={titleOf(run)} status={run.status} sheet={props.sheet}>
      <Problem problem={props.problem} />
      <Head run={run} />
      <VerdictPanel run={run} verdict={verdict} events={events} now={now} landing={props.landing} />
      <section class="panel" aria-label="Evidence">
        <Columns run={run} verdict={verdict} query={query} />
        <Matrix
          run={run}
          verdict={verdict}
          criteria={props.criteria}
          events={events}
          columns={query.columns}
          now={now}
        />
      </section>
      <BehindVerdict events={props.behind ?? []} />
      <section id="compare" aria-labelledby="diff-h">
        <div class="head">
          <h2 id="diff-h">Changes</h2>
          <Between run={run} verdict={verdict} query={query} />
        </div>
        <div class="changes">
          <ChangesTree
            run={run.id}
            query={query}
            changes={props.changes}
            total={props.total}
            shown={new Map(shown.map(({ file, id }) => [file.path, id]).reverse() as [string, string][])}
            same={props.same ?? []}
          />
          <div>
            <Files {...props} shown={shown} />
            <Tray
              run={run.id}
              query={query}
              composed={props.composed}
              next={highest + 1}
              here={boxesOf(shown, query)}
              token={props.token}
            />
          </div>
        </div>
      </section>
      <PickDialog run={run} verdict={verdict} typed={props.picked} />
      {props.seq === undefined ? '' : <Feed run={run.id} query={query} seq={props.seq} />}
    </Layout>
  );
}

function titleOf(run: Run): string {
  return `${run.winner ? `${run.winner.position} is picked` : 'Compare'} · ${run.name} · #${run.id}`;
}

/** What connects the page to the run's feed: the verdict, the evidence and the landing change under the reader. */
function Feed({ run, query, seq }: { run: number; query: CompareQuery; seq: number }) {
  const search = new URLSearchParams({ page: 'compare', to: String(query.to), after: String(seq) });
  for (const column of query.columns ?? []) search.append('show', String(column));
  const address = `/runs/${run}/feed?${search}`;
  return <div id="feed" hidden hx-sse:connect={Html.escapeHtml(address)} hx-trigger="load, every 2s"></div>;
}

function Head({ run }: { run: Run }) {
  return (
    <header class="run-top">
      <div>
        <nav class="crumbs" aria-label="Where you are">
          <a href="/">Runs</a>
          <span aria-hidden="true">/</span>
          <a href={`/runs/${run.id}`} safe>{`#${run.id} · ${visible(run.project)}`}</a>
          <span aria-hidden="true">/</span>
          <span>Compare</span>
        </nav>
        <h1>{inlineProse(run.name) as 'safe'}</h1>
      </div>
      <div class="btns">
        <a class="btn" href={`/runs/${run.id}`}>
          The run
        </a>
        <JudgeButton run={run} />
      </div>
    </header>
  );
}
