import { listDirectives } from '../core/directive';
import { getRun } from '../core/run';
import { BehindVerdict } from '../views/behind';
import { CommentRead, commentRead } from '../views/comment';
import type { CompareQuery } from '../views/compare-address';
import { Matrix } from '../views/matrix';
import { partial } from '../views/partial';
import { JudgeButton, VerdictPanel } from '../views/verdict';
import { criteriaOf, loadBehind, verdictEvents } from './compare-matter';
import { pause } from './pause';
import { looking } from './run-feed';
import { landedOf, pickParts } from './run-parts';
import { changedAt } from './run-view';
import type { Services } from './services';
import type { ServerSentEvent } from './sse';

/** Between two messages, milliseconds: what happens meanwhile goes together. */
const paceMs = 250;

/** Events after which what is compared may be otherwise; what an agent says and does is not among them. */
const telling =
  /^(variation|check|directive|verdict|judge|winner|graft|landing|run|patch|iteration|evidence|goal)\./;

/** A compare page, kept up to date where nothing is typed or ticked: verdict, landing, evidence, and what was read. */
export async function* compareFeed(
  services: Services,
  runId: number,
  query: Pick<CompareQuery, 'columns' | 'from' | 'to'>,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<ServerSentEvent[]> {
  const { database } = services;
  let seq = after;
  /** What each place was last sent: what is still so is not sent again. */
  const sent = new Map<string, string>();
  let changed = await changedAt(database, runId);
  yield [{ id: seq, data: await message() }];
  for await (const events of looking(
    services.feed.follow(runId, { after, signal, stayOpen: true }),
    signal,
  )) {
    seq = events.at(-1)?.seq ?? seq;
    const at = await changedAt(database, runId);
    if (at === changed && !events.some((event) => telling.test(event.type))) continue;
    changed = at;
    const data = await message();
    if (data !== '') yield [{ id: seq, data }];
    await pause(paceMs, signal);
  }

  async function message(): Promise<string> {
    const run = await getRun(database, runId);
    const now = new Date();
    const { verdict } = run;
    const [events, behind, directives] = await Promise.all([
      verdictEvents(database, run),
      loadBehind(database, run),
      listDirectives(database, runId),
    ]);
    const comments = directives.filter(
      ({ path, position }) => path !== null && (position === query.from || position === query.to),
    );
    const criteria = criteriaOf(run);
    const places: [string, string][] = [
      ['#judge', await JudgeButton({ run })],
      ['#verdict', await VerdictPanel({ run, verdict, events, now, landing: landedOf(run, now) })],
      ['#matrix', await Matrix({ run, verdict, criteria, events, columns: query.columns, now })],
      ['#behind', await BehindVerdict({ events: behind })],
      ...(await pickParts(run)),
      ...comments.map((comment): [string, string] => [
        `#${commentRead(comment.id)}`,
        String(CommentRead({ comment })),
      ]),
    ];
    const fresh = places.filter(([place, html]) => sent.get(place) !== html);
    for (const [place, html] of fresh) sent.set(place, html);
    return fresh.map(([place, html]) => partial(place, 'outerMorph', html)).join('\n');
  }
}
