/** What a project's form holds, as it was typed. */
export interface ProjectEntry {
  name: string;
  default_branch: string;
  setup: string;
  /** One host a line. */
  network: string;
  /** One command a line. */
  allowed_commands: string;
  checks: readonly CheckEntry[];
  /** How many of the rows were checks of the project when the form was made, and a digest of them. */
  checks_shown: number;
  checks_were: string;
  /** Asked for besides what the rows say: keep them as they are, or have them detected again. */
  checks_do: '' | 'keep' | 'detect';
}

export interface CheckEntry {
  name: string;
  command: string;
  timeout_s: string;
  required: boolean;
  report: string;
}

/** What cannot be saved, and why. */
export interface ProjectError {
  /** `network`, or `checks.1.command` of the second row; null when it is none of the form's. */
  field: string | null;
  message: string;
}

export const emptyCheck: CheckEntry = { name: '', command: '', timeout_s: '300', required: true, report: '' };

/** Rows to write another check in, and rows in all. */
export const spareChecks = 2;
export const mostRows = 20;
