import type { Children } from '@kitajs/html';
import { Html } from '@kitajs/html';

/** Dialogs that are made when they are asked for, so that they say what is so now. */
export const sheets = ['back', 'fork', 'retry', 'edit', 'deny', 'land'] as const;
export type SheetName = (typeof sheets)[number];

interface Props {
  sheet: SheetName;
  run: number;
  /** Absent: the whole run. */
  position?: number | undefined;
  checkpoint?: number | undefined;
  approval?: number | undefined;
  class: string;
  /** What the link says, where it shows an icon only. */
  label?: string | undefined;
  children: Children;
}

/** Opens a dialog: fetched into the page; without script the page with the dialog on it. */
export function SheetLink({
  sheet,
  run,
  position,
  checkpoint,
  approval,
  class: name,
  label,
  children,
}: Props) {
  const search = new URLSearchParams({ sheet });
  if (position !== undefined) search.set('v', String(position));
  if (checkpoint !== undefined) search.set('checkpoint', String(checkpoint));
  if (approval !== undefined) search.set('approval', String(approval));
  return (
    <a
      class={name}
      href={Html.escapeHtml(`/runs/${run}?${search}`)}
      hx-get={Html.escapeHtml(`/runs/${run}/sheet?${search}`)}
      hx-target="#sheet"
      hx-swap="innerHTML"
      aria-label={label}
      title={label}
    >
      {children as 'safe'}
    </a>
  );
}
