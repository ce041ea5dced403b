import { Html } from '@kitajs/html';
import type { Run } from '../core/contract';

/** What a run starts from: of a flow all but the first from the result of the one before. */
export function Base({ run: { base, base_sha, flow } }: { run: Pick<Run, 'base' | 'base_sha' | 'flow'> }) {
  const before = flow?.runs[flow.place - 2];
  const named = base !== null && !/^[0-9a-f]{40}$/.test(base);
  const sha = base_sha ?? (named ? null : base);
  return (
    <>
      {before === undefined ? (
        Html.escapeHtml(named ? base : base === null ? 'default branch' : 'a commit')
      ) : (
        <>
          the result of <a href={`/runs/${before}`} safe>{`run ${before}`}</a>
        </>
      )}{' '}
      {sha === null ? (
        ''
      ) : (
        <small>
          <code safe>{sha.slice(0, 7)}</code>
        </small>
      )}
    </>
  );
}

/** Which part of a workflow or pipeline a run is, with the way to the others; nothing of a run by itself. */
export function FlowPlace({ run: { id, flow, run_type } }: { run: Run }) {
  if (flow === null) return '';
  return (
    <nav class="goal" aria-label="Runs of the same flow">
      {Html.escapeHtml(`Part ${flow.place} of ${flow.runs.length} of a ${run_type}: `)}
      {flow.runs.map((other, i) => (
        <>
          {i > 0 ? ' → ' : ''}
          {other === id ? (
            <b safe>{`#${other}`}</b>
          ) : (
            <a href={`/runs/${other}`} safe>
              {`#${other}`}
            </a>
          )}
        </>
      ))}
    </nav>
  );
}
