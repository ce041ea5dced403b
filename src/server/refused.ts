import type { CommentTyped } from '../views/comment';
import type { PickTyped } from '../views/pick';
import type { LandTyped } from '../views/sheet-land';

/** What a form could not do: the page comes back with it, and with what was typed. */
export interface Refused {
  status: number;
  problem: { strong: string; rest: string };
  typed?: { text: string; to: string };
  /** The patch that was handed in for a variation. */
  mended?: { position: number; text: string };
  /** What was chosen in the dialogs for a winner and for its landing, and said of a line. */
  picked?: PickTyped;
  landing?: LandTyped;
  commented?: CommentTyped;
}
