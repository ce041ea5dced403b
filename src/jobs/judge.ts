import { pickJudge } from '../agent/judge/family';
import type { Work } from '../agent/judge/material';
import { type Model, ModelError, type ModelProfile } from '../agent/model';
import { makeModel } from '../agent/models';
import { mostOf, mostPromptTokens } from '../agent/models/most';

import type { Reservation } from '../core/budget';
import { readCheckpoint } from '../core/checkpoint';
import { type Database, isAway } from '../core/db';
import { readSettings } from '../core/settings';
import type { Parts } from './parts';
import { toProfile } from './profile';

/** A model that gives opinions, and how it is related to those whose work it looks at. */
export interface Seat {
  agent: string;
  model: Model;
  profile: ModelProfile;
  /** No judge was to be had that is of another family than all authors. */
  same_family: boolean;
}

/**
 * The judge for works of these authors: the first of the settings' that is of another family. One that is not there any
 * more is passed over. Null when none is configured.
 */
export async function seatJudge(
  parts: Pick<Parts, 'database' | 'vault' | 'config'>,
  authors: readonly { provider: string; model: string }[],
): Promise<Seat | null> {
  const { judges } = await readSettings(parts.database);
  const profiles: ModelProfile[] = [];
  for (const name of judges) {
    const found = await toProfile(parts, name).catch((error) => {
      if (isAway(error)) throw error;
      return null;
    });
    if (found) profiles.push(found.profile);
  }
  const picked = pickJudge(profiles, authors);
  if (picked === null) return null;
  const { judge: profile, same_family } = picked;
  return { agent: profile.agent, model: makeModel(profile, parts.config), profile, same_family };
}

/** A model that asks before each call whether the run can pay for it; what it cannot pay for is refused. */
export function within(seat: Seat, affords: (most: Reservation) => Promise<boolean>): Model {
  const { model, profile } = seat;
  return {
    provider: model.provider,
    name: model.name,
    contextTokens: model.contextTokens,
    maxTokens: model.maxTokens,
    async respond(request) {
      if (!(await affords(mostOf(profile, mostPromptTokens(request)))))
        throw new ModelError('model_refused', 'The run’s budget has no room for another opinion');
      return model.respond(request);
    },
  };
}

/** Bytes of a patch that a judge is shown the most of. */
const workBytes = 4_000_000;

/** What a variation made, as a judge is shown it: its diff, or its result where the result is what was asked for. */
export async function workOf(
  database: Pick<Database, 'sql'>,
  runId: number,
  { position, result, changed }: { position: number; result: string | null; changed: boolean },
): Promise<Work> {
  const patch = changed ? await readCheckpoint(database, runId, position) : null;
  if (patch === null) return { kind: 'text', text: result ?? '' };
  return { kind: 'diff', text: new TextDecoder().decode(patch.bytes.subarray(0, workBytes)) };
}
