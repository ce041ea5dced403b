import { Html } from '@kitajs/html';
import type { Run } from '../core/contract';

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
