import { Icon, LevelMark } from './marks';

/** Something that a person should hear of, for a while; what went wrong stays until it is dismissed. */
export function Toast({ level, strong, rest }: { level: 'good' | 'bad'; strong: string; rest: string }) {
  return (
    <div class="toast" data-fades={level === 'good' ? 'true' : undefined}>
      <LevelMark l={level} />
      <div>
        <b safe>{strong}</b>
        <small safe>{rest}</small>
      </div>
      <div class="btns">
        <button class="btn quiet small icon" type="button" data-dismiss="true" aria-label="Dismiss">
          <Icon i="close" />
        </button>
      </div>
    </div>
  );
}

/** The same on a page that was made for it, where there is no script. */
export function Problem({ problem }: { problem: { strong: string; rest: string } | undefined }) {
  if (!problem) return '';
  return (
    <div class="notice" data-l="bad" role="alert">
      <LevelMark l="bad" />
      <span>
        <b safe>{problem.strong}</b> <span safe>{problem.rest}</span>
      </span>
    </div>
  );
}
