import { Html } from '@kitajs/html';
import type { Checkpoint } from '../core/contract';
import type { EventsContext } from './events';
import { ago, moment } from './format';
import { type Item, stat } from './items';
import { Icon } from './marks';
import { SheetLink } from './sheetlink';

/** A checkpoint in the stream, with the ways back to it and on from it. */
export function CheckpointLine({
  item,
  context,
}: {
  item: Extract<Item, { kind: 'checkpoint' }>;
  context: EventsContext;
}) {
  const at = { run: context.run, position: context.position, checkpoint: item.checkpoint };
  return (
    <>
      <b safe>{`Checkpoint ${item.checkpoint}`}</b> <span safe>{stat(item.patch)}</span>{' '}
      <span class="btns">
        <SheetLink sheet="back" {...at} class="btn small quiet">
          <Icon i="restore" />
          Go back to it…
        </SheetLink>
        <SheetLink sheet="fork" {...at} class="btn small quiet">
          <Icon i="fork" />
          Fork…
        </SheetLink>
      </span>
    </>
  );
}

/** Shown without unfolding. */
const shown = 6;

/** The variation's checkpoints, newest first, down to its start. */
export function Checkpoints({
  run,
  position,
  checkpoints,
  now,
}: {
  run: number;
  position: number;
  checkpoints: readonly Checkpoint[];
  now: Date;
}) {
  if (checkpoints.length === 0) return '';
  const newest = [...checkpoints].sort((a, b) => b.checkpoint - a.checkpoint);
  const rows = newest.map((one) => <Point run={run} position={position} point={one} now={now} />);
  const folded = rows.length > shown + 1 ? rows.slice(shown) : [];
  return (
    <section>
      <h3>
        Checkpoints <small safe>{String(checkpoints.length)}</small>
      </h3>
      <ol class="points">
        {rows.slice(0, rows.length - folded.length) as 'safe'[]}
        {folded.length === 0 ? <Start run={run} position={position} /> : ''}
      </ol>
      {folded.length === 0 ? (
        ''
      ) : (
        <details class="fold" id={`v${position}-points`}>
          <summary safe>{`${folded.length} earlier`}</summary>
          <ol class="points">
            {folded as 'safe'[]}
            <Start run={run} position={position} />
          </ol>
        </details>
      )}
    </section>
  );
}

function Point({
  run,
  position,
  point,
  now,
}: {
  run: number;
  position: number;
  point: Checkpoint;
  now: Date;
}) {
  const { checkpoint, patch, seq, told_by } = point;
  // A fork's first one stands in the stream of its source.
  const address = told_by === position ? `#e${seq}` : `/runs/${run}?v=${told_by}#e${seq}`;
  return (
    <li aria-current={point.current ? 'true' : undefined}>
      <Icon i="pin" />
      <a href={address} title={Html.escapeHtml(`${stat(patch)}, ${moment(point.created_at)}`)}>
        {Html.escapeHtml(String(checkpoint))}
      </a>
      <span>
        {Html.escapeHtml(
          patch.files === 0 ? 'no change' : `${patch.files} ${patch.files === 1 ? 'file' : 'files'}`,
        )}{' '}
        {patch.files === 0 ? (
          ''
        ) : (
          <>
            <small class="plus" safe>{`+${patch.additions}`}</small>{' '}
            <small class="minus" safe>{`−${patch.deletions}`}</small>
          </>
        )}
      </span>
      <small class="muted" safe>
        {point.current ? 'it stands here' : ago(point.created_at, now)}
      </small>
      <Ways run={run} position={position} checkpoint={checkpoint} name={`checkpoint ${checkpoint}`} />
    </li>
  );
}

function Start({ run, position }: { run: number; position: number }) {
  return (
    <li>
      <Icon i="flag" />
      <span>0</span>
      <span>the start</span>
      <small></small>
      <Ways run={run} position={position} checkpoint={0} name="the start" />
    </li>
  );
}

function Ways(props: { run: number; position: number; checkpoint: number; name: string }) {
  const { name, ...at } = props;
  return (
    <span class="btns">
      <SheetLink sheet="back" {...at} class="btn small quiet icon" label={`Go back to ${name}…`}>
        <Icon i="restore" />
      </SheetLink>
      <SheetLink sheet="fork" {...at} class="btn small quiet icon" label={`Fork from ${name}…`}>
        <Icon i="fork" />
      </SheetLink>
    </span>
  );
}
