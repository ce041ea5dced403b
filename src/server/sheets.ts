import { listAgents } from '../core/agent';
import { listApprovals } from '../core/approval';
import { listCheckpoints } from '../core/checkpoint';
import type { Checkpoint, Run } from '../core/contract';
import { BackSheet, ForkSheet, RetrySheet } from '../views/sheet';
import { DenySheet, EditSheet } from '../views/sheet-run';
import { sheets } from '../views/sheetlink';
import { landSheet } from './land-sheet';
import type { Refused } from './refused';
import type { Services } from './services';

/** The dialog that an address asks for, with what is so now; null when it asks for none, or for nonsense. */
export async function sheetOf(
  services: Services,
  run: Run,
  search: URLSearchParams,
  refused?: Pick<Refused, 'landing'>,
): Promise<JSX.Element | null> {
  const { database } = services;
  const sheet = sheets.find((one) => one === search.get('sheet'));
  const variation = run.variations.find((one) => String(one.position) === search.get('v'));
  switch (sheet) {
    case 'back':
    case 'fork': {
      if (!variation) return null;
      const checkpoints = await listCheckpoints(database, run.id, variation.position);
      const checkpoint = asked(checkpoints, search.get('checkpoint'));
      if (sheet === 'back') return BackSheet({ run, variation, checkpoints, checkpoint });
      const agents = (await listAgents(database, { limit: 200 })).items;
      return ForkSheet({ run, variation, checkpoints, checkpoint, agents });
    }
    case 'retry':
      return RetrySheet({ run, variation: variation ?? null });
    case 'edit':
      return EditSheet({ run, now: new Date() });
    case 'deny': {
      const approvals = await listApprovals(database, run.id);
      const approval = approvals.find((one) => String(one.id) === search.get('approval'));
      return approval?.status === 'open' ? DenySheet({ run, approval }) : null;
    }
    case 'land':
      return landSheet(services, run, search, refused?.landing);
    case undefined:
      return null;
  }
}

/** The checkpoint that is named, else the one where the variation stands; 0 before there is one. */
function asked(checkpoints: readonly Checkpoint[], name: string | null): number {
  if (name === '0') return 0;
  const named = checkpoints.find((one) => String(one.checkpoint) === name);
  return (named ?? checkpoints.find((one) => one.current))?.checkpoint ?? 0;
}
