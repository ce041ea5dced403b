import { Html } from '@kitajs/html';
import type { CheckOutcome, Checkpoint, Run, Variation } from '../core/contract';
import { Checkpoints } from './checkpoints';
import { CheckState } from './checks';
import { countsWord, flagWord, nameOf, partsWord } from './compare-words';
import type { FileChange } from './diff';
import { Plan } from './events';
import { clock, count, money, plural, span, words } from './format';
import { State } from './marks';
import { Cached } from './runhead';
import { VariationButtons, waitsFor } from './steer';
import { visible } from './visible';

interface Props {
  run: Run;
  variation: Variation;
  files: readonly FileChange[];
  checkpoints: readonly Checkpoint[];
  now: Date;
}

/** The chosen variation in short, beside its stream. */
export function Short({ run, variation, files, checkpoints, now }: Props) {
  const { position, usage, plan, checks } = variation;
  const done = plan?.filter((step) => step.status === 'done').length ?? 0;
  const waits = waitsFor(run, variation, now);
  const changes = `/runs/${run.id}?v=${position}&tab=changes`;
  return (
    <aside id="short" aria-label={`Variation ${position} in short`}>
      <section>
        <h3>
          {Html.escapeHtml(nameOf(variation))}
          <small>{Html.escapeHtml(variation.attempt > 1 ? `attempt ${variation.attempt}` : '')}</small>
        </h3>
        <dl class="pairs">
          <Pair name="State">
            <State s={variation.status} />
          </Pair>
          <Pair name="Cost">{Html.escapeHtml(money(usage.cost_usd))}</Pair>
          <Pair name="Tokens">
            {Html.escapeHtml(count(usage.input_tokens + usage.output_tokens))} <Cached usage={usage} />
          </Pair>
          <Pair name="Model">
            {Html.escapeHtml(`${variation.agent.model}, ${plural(usage.model_calls, 'call')}`)}
          </Pair>
          <Pair name="Time">
            {Html.escapeHtml(
              variation.started_at === null
                ? 'not started'
                : clock(span(variation.started_at, variation.completed_at, now)),
            )}
          </Pair>
          {variation.graft === null ? (
            ''
          ) : (
            <Pair name="Made of">{Html.escapeHtml(partsWord(variation.graft.parts))}</Pair>
          )}
          {variation.branch === null ? (
            ''
          ) : (
            <Pair name="Branch">
              <code safe>{variation.branch}</code>
            </Pair>
          )}
        </dl>
        {waits === null ? (
          ''
        ) : (
          <p class="notice stands">
            {Html.escapeHtml(waits)}{' '}
            {variation.status === 'awaiting_approval' ? (
              <a href={`/runs/${run.id}?v=${position}#v${position}-end`}>Answer it</a>
            ) : (
              ''
            )}
          </p>
        )}
        <VariationButtons run={run} variation={variation} />
        {variation.error ? (
          <p>
            <code>{Html.escapeHtml(variation.error.code)}</code>{' '}
            {Html.escapeHtml(visible(variation.error.message))}
          </p>
        ) : (
          ''
        )}
      </section>
      {plan && plan.length > 0 ? (
        <section>
          <h3>
            Plan <small safe>{`${done} of ${plan.length}`}</small>
          </h3>
          <Plan steps={plan} resting={variation.status !== 'running'} />
        </section>
      ) : (
        ''
      )}
      <Checkpoints run={run.id} position={position} checkpoints={checkpoints} now={now} />
      {files.length > 0 ? <Files files={files} changes={changes} /> : ''}
      <Flags flags={variation.flags} />
      {checks.length > 0 ? (
        <section>
          <h3>
            Checks <small>against the base</small>
          </h3>
          <ul class="results two">
            {checks.map((check) => (
              <li>
                <CheckState result={check.result} />
                <span>
                  {Html.escapeHtml(visible(check.name))} <CheckNote check={check} />
                </span>
              </li>
            ))}
          </ul>
        </section>
      ) : (
        ''
      )}
    </aside>
  );
}

/** What a check's result is worth, and what was counted. */
function CheckNote({ check }: { check: CheckOutcome }) {
  const said = [
    countsWord(check) ?? '',
    check.required ? '' : 'not required',
    check.flaky ? 'flaky: decides nothing' : '',
    check.on_base_tests === null ? '' : `with the base’s tests: ${words(check.on_base_tests.result)}`,
  ].filter(Boolean);
  return said.length === 0 ? (
    ''
  ) : (
    <small class="muted" safe>
      {said.join(', ')}
    </small>
  );
}

/** Files that judge the patch, and that it touches. */
function Flags({ flags }: Pick<Variation, 'flags'>) {
  if (flags.length === 0) return '';
  const shown = flags.slice(0, mostFlags);
  return (
    <section>
      <h3>Flags</h3>
      <ul class="flags">
        {shown.map((flag) => (
          <li>
            <State s="needs_review" word={flagWord(flag.kind)} /> <code safe>{visible(flag.path)}</code>{' '}
            <small class="muted">{flag.change}</small>
          </li>
        ))}
        {flags.length > shown.length ? (
          <li class="muted" safe>{`and ${plural(flags.length - shown.length, 'more file')}`}</li>
        ) : (
          ''
        )}
      </ul>
    </section>
  );
}

const mostFlags = 8;

function Pair({ name, children }: { name: string; children: JSX.Element | JSX.Element[] }) {
  return (
    <div>
      <dt safe>{name}</dt>
      <dd>{children as 'safe'}</dd>
    </div>
  );
}

function Files({ files, changes }: { files: readonly FileChange[]; changes: string }) {
  const additions = files.reduce((sum, file) => sum + file.additions, 0);
  const deletions = files.reduce((sum, file) => sum + file.deletions, 0);
  const shown = files.slice(0, 40);
  return (
    <section>
      <h3>
        Files{' '}
        <small>
          <span class="plus" safe>{`+${additions}`}</span> <span class="minus" safe>{`−${deletions}`}</span>
        </small>
      </h3>
      <ul class="files">
        {shown.map((file, i) => (
          <li>
            <a href={`${changes}#f${i + 1}`} title={Html.escapeHtml(visible(file.path))}>
              <code safe>{visible(file.path)}</code>
            </a>
            <small class="plus" safe>{`+${file.additions}`}</small>
            <small class="minus" safe>{`−${file.deletions}`}</small>
          </li>
        ))}
      </ul>
      {files.length > shown.length ? (
        <a href={changes}>{Html.escapeHtml(plural(files.length - shown.length, 'more file'))}</a>
      ) : (
        ''
      )}
    </section>
  );
}
