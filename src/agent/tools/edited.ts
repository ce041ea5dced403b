import { Refused, type ToolContext } from './tool';

/** Records that an edit was carried out, and how exactly it fitted. */
export function applied({ journal }: Pick<ToolContext, 'journal'>, tier: string, files: string[]): void {
  journal.emit({ type: 'patch.applied', payload: { tier, files: files.slice(0, 50) } });
}

/** Records that an edit was refused; the answer for the model. */
export function rejected({ journal }: Pick<ToolContext, 'journal'>, message: string): Refused {
  const reasons = [message.slice(0, 2000).toWellFormed()];
  journal.emit({ type: 'patch.rejected', payload: { reasons, edit: true } });
  return new Refused(message);
}
