/**
 * Why a winner did not land, each with what a person can do. The patch is kept in every case: it can be downloaded, and
 * landing can be asked for again. docs/errors.md is written from this table, and a test keeps the two together.
 */
export const landingFailures = {
  nothing_to_land: 'The winner changed no file, so there is nothing to land.',
  winner_reopened:
    'The winner has gone on, or was chosen anew, while it was to be landed. Choose it again, then land again.',
  base_not_found:
    'The commit that the winner started from is neither in the repository any more nor on this machine. Start a new run.',
  patch_rejected: 'The winner’s patch does not apply to its base any more. See the message.',
  target_not_found: 'The repository has no such branch to land on. Name another `target`.',
  merge_conflict:
    'The target has changed the same places since the run began. Ask the winner to rebase, or merge by hand.',
  revert_conflict: 'The target has changed since in the same places, so it cannot be undone by itself.',
  push_rejected:
    'The branch has commits that this one does not contain: nothing is ever forced. Land under another name, or rebase.',
  push_refused:
    'The repository did not let us write: the token is missing, wrong or may not push, or a rule of the repository forbids it.',
  branch_moved: 'The branch has been changed by others since it was pushed, so it is not deleted.',
  branch_checked_out:
    'Somebody works on this branch in the local repository. Land on another branch, or ask for the files to be changed too.',
  checkout_dirty:
    'The local repository has uncommitted changes where the branch is checked out. Commit them, stash them or move them away first.',
  repository_refused: 'The repository may not be used, or is none any more. See the message.',
  merged:
    'The pull request has been merged, so it is not undone by closing it. Revert it where it was merged.',
  disk_full: 'A disk is full: ours or that of the repository. Free some space, then land again.',
  forge_not_configured:
    'A pull request needs a forge that Bakeoff knows. Set `FORGEJO_URL` (or `GITHUB_API_URL`) wherever a worker runs, or land a branch.',
  forge_unavailable:
    'The forge, or the network to it, did not answer or broke off. What ended by it was tried for a day: ask for it again when the forge is up.',
  forge_rate_limited:
    'The forge takes no more requests for now. What ended by it was tried for a day: ask for it again later.',
  forge_refused:
    'The forge refused the request: the token is missing, wrong or may not do this, or what was asked for is not valid.',
  forge_not_found: 'The forge has no such repository or pull request, or the token may not see it.',
  forge_nonsense: 'What answers at the address of the forge does not speak its protocol. Check the address.',
  labels_refused: 'The pull request is open, but its labels could not be added. See the message.',
  internal: 'A mistake of Bakeoff itself. The log of the worker has the details; please report it.',
} as const satisfies Record<string, string>;

export type LandingCode = keyof typeof landingFailures;

/** Ends a landing, or its undoing, with a documented code. */
export class LandingFailure extends Error {
  override name = 'LandingFailure';
  constructor(
    readonly code: LandingCode,
    message: string,
    options?: {
      cause?: unknown;
      /** The fault may pass by itself: another try is worth making. */
      transient?: boolean;
      /** Paths of the repository that stand in the way. */
      paths?: readonly string[];
    },
  ) {
    super(message, options);
    this.transient = options?.transient ?? false;
    this.paths = options?.paths ?? [];
  }
  readonly transient: boolean;
  readonly paths: readonly string[];
}
