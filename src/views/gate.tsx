import { Html } from '@kitajs/html';
import type { ApprovalKind, Question } from '../../drizzle/schema';
import type { EventsContext } from './events';
import { clock } from './format';
import { type CheckLine, type Item, stat } from './items';
import { Icon } from './marks';
import { prose } from './prose';
import { visible } from './visible';

type GateItem = Extract<Item, { kind: 'gate' }>;

/** A question that the variation waits on, answered where it is asked; afterwards what was decided. */
export function Gate({ item, context }: { item: GateItem; context: EventsContext }) {
  if (item.decided !== null) return <Decided item={item} decided={item.decided} context={context} />;
  if (item.withdrawn) {
    return (
      <div class="asked">
        <p>
          <b safe>{questions[item.about]}</b>{' '}
          <span class="muted">not asked any more: what asked was rolled back, started anew or ended</span>
        </p>
        <Matter item={item} context={context} />
      </div>
    );
  }
  const id = `gate-${item.approval}`;
  const since = (Date.parse(item.at) - Date.parse(context.origin)) / 1000;
  return (
    <section class="gate" id={id} aria-labelledby={`${id}-h`}>
      <header>
        <h3 id={`${id}-h`} safe>
          {questions[item.about]}
        </h3>
        <time datetime={item.at} safe>
          {`waits since ${clock(since)}, holds nothing`}
        </time>
      </header>
      <form
        class="form"
        action={`/runs/${context.run}/approvals/${item.approval}`}
        method="post"
        hx-post={`/runs/${context.run}/approvals/${item.approval}`}
        hx-swap="none"
        hx-disable="findAll button"
      >
        <input type="hidden" name="v" value={String(context.position)} />
        <Matter item={item} context={context} open />
        <div class="field">
          <label class="vh" for={`${id}-say`}>
            Comment for the agent
          </label>
          <input
            id={`${id}-say`}
            name="comment"
            maxlength="4000"
            autocomplete="off"
            placeholder="Comment, which the agent reads"
          />
        </div>
        <div class="btns">
          <button class="btn primary" type="submit" name="decision" value="approve">
            <Icon i="check" />
            Approve<kbd>a</kbd>
          </button>
          <button class="btn" type="submit" name="decision" value="deny">
            Deny<kbd>d</kbd>
          </button>
          {item.about === 'commit' ? (
            <a class="btn quiet" href={context.changes}>
              Look at the patch
            </a>
          ) : (
            ''
          )}
        </div>
      </form>
    </section>
  );
}

const questions: Record<ApprovalKind, string> = {
  plan: 'Asks before it starts: the plan',
  commands: 'Asks to run a command',
  commit: 'Asks before the commit',
};

/** What is asked about, verbatim. */
function Matter({ item, context, open = false }: { item: GateItem; context: EventsContext; open?: boolean }) {
  const { question, about } = item;
  switch (about) {
    case 'commands':
      return <Ask text={question.command ?? ''} />;
    case 'plan':
      return open ? <PlanField item={item} /> : <Ask text={item.decided?.plan ?? question.plan ?? ''} />;
    case 'commit':
      return <Commit question={question} checks={item.checks} context={context} />;
  }
}

export function Ask({ text }: { text: string }) {
  return (
    <pre class="ask">
      <code safe>{visible(text)}</code>
    </pre>
  );
}

function PlanField({ item }: { item: GateItem }) {
  const plan = item.question.plan ?? '';
  const id = `gate-${item.approval}-plan`;
  return (
    <div class="field">
      <label for={id}>
        Plan <small>yours to change; the agent works by what stands here</small>
      </label>
      <textarea id={id} name="plan" rows={String(Math.min(16, plan.split('\n').length + 1))} safe>
        {plan === '' ? '' : `\n${plan}`}
      </textarea>
    </div>
  );
}

function Commit({
  question,
  checks,
  context,
}: {
  question: Question;
  checks: readonly CheckLine[];
  context: EventsContext;
}) {
  return (
    <p>
      The final patch:{' '}
      <a href={context.changes}>{Html.escapeHtml(question.patch ? stat(question.patch) : 'its changes')}</a>.{' '}
      {Html.escapeHtml(checked(checks))}
    </p>
  );
}

/** What the checks said, in a sentence. */
export function checked(checks: readonly Pick<CheckLine, 'name' | 'result'>[]): string {
  if (checks.length === 0) return '';
  const bad = checks.filter((check) => !['passed', 'passes', 'fixed'].includes(check.result));
  if (bad.length === 0)
    return checks.length === 1 ? 'Its check passes.' : `All ${checks.length} checks pass.`;
  return `${bad.map((check) => `${check.name}: ${check.result.replaceAll('_', ' ')}`).join(', ')}.`;
}

function Decided({
  item,
  decided,
  context,
}: {
  item: GateItem;
  decided: NonNullable<GateItem['decided']>;
  context: EventsContext;
}) {
  const waited = (Date.parse(decided.at) - Date.parse(item.at)) / 1000;
  const what = { plan: 'the plan', commands: 'a command', commit: 'the commit' }[item.about];
  return (
    <div class="asked">
      <p>
        <b safe>{`${decided.decision === 'approve' ? 'Approved' : 'Denied'}: ${what}`}</b>{' '}
        <span class="muted" safe>
          {`by a person, after ${clock(waited)}${decided.plan === null ? '' : ', with another plan'}`}
        </span>
      </p>
      <Matter item={item} context={context} />
      {decided.comment ? <div class="voice">{prose(decided.comment) as 'safe'}</div> : ''}
    </div>
  );
}
