import { Html } from '@kitajs/html';
import type { Run, Variation } from '../core/contract';
import type { FileChange } from './diff';
import { Diff } from './difftable';
import { plural, words } from './format';
import { Icon } from './marks';
import { isOver } from './runlist';

/** A variation's patch as it stands, against the base. */
export function Changes({
  run,
  variation,
  files,
}: {
  run: Run;
  variation: Variation;
  files: readonly FileChange[];
}) {
  const raw = `/api/v1/runs/${run.id}/variations/${variation.position}/diff`;
  const additions = files.reduce((sum, file) => sum + file.additions, 0);
  const deletions = files.reduce((sum, file) => sum + file.deletions, 0);
  return (
    <section class="change-set" id="changes" aria-labelledby="changes-h">
      <div class="head">
        <h2 id="changes-h">{isOver(variation.status) ? 'Changes' : 'Changes so far'}</h2>
        {files.length === 0 ? (
          ''
        ) : (
          <span class="muted">
            {Html.escapeHtml(plural(files.length, 'file'))} <span class="plus" safe>{`+${additions}`}</span>{' '}
            <span class="minus" safe>{`−${deletions}`}</span>
          </span>
        )}
        {files.length === 0 ? (
          ''
        ) : (
          <a class="btn small end" href={raw}>
            <Icon i="save" />
            Raw diff
          </a>
        )}
      </div>
      {files.length === 0 ? <Nothing variation={variation} /> : <Diff files={files} raw={raw} />}
    </section>
  );
}

function Nothing({ variation }: { variation: Variation }) {
  return (
    <div class="panel empty tight">
      <h3>No change{isOver(variation.status) ? '' : ' yet'}</h3>
      <p>
        {Html.escapeHtml(
          isOver(variation.status)
            ? `The variation is ${words(variation.status)} without a change to a file.`
            : 'What the agent changes shows here at each of its checkpoints.',
        )}
      </p>
    </div>
  );
}
