import { VariationFailure } from '../../core/failure';
import type { WorkspaceSource } from '../workspace';

/** Where there is no working sandbox: every workspace is refused, with the reason. */
export function refusingWorkspaces(reason: string): WorkspaceSource {
  return {
    open: () => Promise.reject(new VariationFailure('sandbox_unavailable', reason)),
    sweep: async () => 0,
  };
}
