import type { ApprovalKind, ApprovalMode, Question } from '../../drizzle/schema';

/** A person's word on a question; `key` is the place in the conversation that asked. */
export interface Decision {
  kind: ApprovalKind;
  key: string;
  decision: 'approve' | 'deny';
  comment: string | null;
  /** The plan as the person changed it. */
  plan: string | null;
}

/** An instruction of a person that has not been taken up. */
export interface Directive {
  id: number;
  text: string;
  path: string | null;
  line: number | null;
}

/** How a person steers the work: all that the agent's side knows of it. */
export interface Steering {
  /** What waits for a person's word. */
  approval: ApprovalMode;
  /** A person wants it to pause at the next boundary. */
  pausing(): boolean;
  /** Fires when a pause will not wait any longer for what is being run; its reason is a `Suspended`. */
  cut: AbortSignal;
  /** Whether a command may be run without being asked for. */
  allowed(command: string): boolean;
  decisions: readonly Decision[];
}

/** Work without anybody who steers it. */
export const unsteered: Steering = {
  approval: 'none',
  pausing: () => false,
  cut: new AbortController().signal,
  allowed: () => true,
  decisions: [],
};

/** Ends the work at a boundary, to be gone on with later: a person wants it paused, or is asked for a word. */
export class Suspended extends Error {
  override name = 'Suspended';
  constructor(
    /** Null is a pause. */
    readonly asked: { kind: ApprovalKind; key: string; question: Question } | null,
  ) {
    super(asked === null ? 'a person wants it paused' : `a person is asked: ${asked.kind}`);
  }
}

/** The word that was given at a place of the conversation; null when there is none yet. */
export function decisionAt(
  steering: Pick<Steering, 'decisions'>,
  kind: ApprovalKind,
  key: string,
): Decision | null {
  return steering.decisions.find((one) => one.kind === kind && one.key === key) ?? null;
}

/** The place of a final patch: another patch, or a later end, is another question. */
export function commitKey(step: number, patch: { sha256: string }): string {
  return `step:${step}:${patch.sha256.slice(0, 16)}`;
}

/** Characters with which a shell makes one command line two, or another. */
const shellCharacters = /[;&|<>$`\\\n\r(){}]/;

/**
 * Whether a command is on a list: word for word, or, where the list ends in ` *`, with any arguments in which the shell
 * would see nothing but words.
 */
export function isListed(command: string, list: readonly string[]): boolean {
  const asked = command.trim();
  return list.some((entry) => {
    const known = entry.trim();
    if (known === asked) return true;
    if (!known.endsWith(' *') || shellCharacters.test(asked)) return false;
    const head = known.slice(0, -2);
    return asked === head || asked.startsWith(`${head} `);
  });
}

/** A directive as the model is told it. */
export function spoken({ text, path, line }: Directive): string {
  const where = path === null ? '' : ` It is about ${path}${line === null ? '' : `, line ${line}`}.`;
  return `The person you work for says now:${where}\n\n${text}`;
}
