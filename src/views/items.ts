import type {
  ApprovalKind,
  Counts,
  Failure,
  PatchStat,
  Question,
  VariationStatus,
} from '../../drizzle/schema';
import type { CheckedOn, CheckResult, Event, Payloads, PlanStep } from '../core/fact';
import { bytes, plural } from './format';

/** What a reader of a variation's stream sees as one thing; several events may make one, and go on changing it. */
export type Item = Place &
  (
    | { kind: 'line'; icon: string; strong: string; rest: string }
    | { kind: 'notice'; level: 'warn' | 'bad'; strong: string; rest: string }
    | { kind: 'turn'; text: string }
    | { kind: 'think'; text: string; live: boolean; seconds: number }
    | { kind: 'said'; text: string; live: boolean }
    | { kind: 'plan'; steps: PlanStep[]; revisions: number; resting: boolean }
    | {
        kind: 'model';
        step: number | null;
        model: string;
        answer: Payloads['model.responded'] | null;
        trouble: string;
        /** It was broken off without an answer. */
        cut: boolean;
      }
    | {
        kind: 'tool';
        name: string;
        title: string;
        arguments: unknown;
        output: Output;
        result: Payloads['tool.finished'] | null;
        /** It was broken off without a result. */
        cut: boolean;
      }
    | { kind: 'checkpoint'; checkpoint: number; patch: PatchStat }
    | { kind: 'sent'; directive: Words; taken: Place | null }
    | { kind: 'voice'; directive: Words; seconds: number }
    | {
        kind: 'gate';
        approval: number;
        about: ApprovalKind;
        question: Question;
        /** Of a commit: what its checks said, as far as the page knows. */
        checks: readonly CheckLine[];
        decided: (Payloads['approval.decided'] & { at: string }) | null;
        /** What asked was rolled back, started anew or ended. */
        withdrawn: boolean;
      }
    | { kind: 'checks'; on: CheckedOn; results: CheckLine[]; running: string | null }
    | {
        kind: 'end';
        status: VariationStatus;
        summary: string | null;
        error: Failure | null;
        patch: PatchStat | null;
      }
  );

export interface Place {
  /** Unique in a run's page; the element's id. */
  key: string;
  /** Its first event. */
  seq: number;
  at: string;
}

/** A person's words to the agent, with the place in the code that they are about. */
export interface Words {
  text: string;
  path: string | null;
  line: number | null;
}

export interface CheckLine {
  /** The events that told of it: several where it was run again. */
  seqs?: readonly number[] | undefined;
  name: string;
  command: string;
  result: CheckResult;
  exit_code: number | null;
  duration_ms: number;
  output: string;
  counts?: Counts | undefined;
  /** Its result changed on being run again. */
  flaky?: true | undefined;
  /** The run that it is known from. */
  cached?: number | undefined;
}

/** Output as far as it is kept for showing: its beginning and its end. */
export interface Output {
  head: string;
  tail: string;
  /** Characters between them that are not kept. */
  dropped: number;
}

/** Events that belong to something that began before them; a page must not begin with one. */
export function continues(event: Event): boolean {
  return continuations.has(event.type);
}
const continuations = new Set<string>([
  'agent.thinking',
  'agent.message',
  'model.responded',
  'model.retried',
  'model.fell_back',
  'tool.output',
  'tool.finished',
  'step.completed',
  'check.finished',
]);

export function stat(patch: PatchStat): string {
  if (patch.files === 0) return 'no change';
  return `${plural(patch.files, 'file')}, +${patch.additions} −${patch.deletions}, ${bytes(patch.bytes)}`;
}

const textLimit = 20_000;
/** A streamed text as far as it is kept for showing. */
export function bounded(text: string): string {
  return text.length <= textLimit
    ? text
    : `${text.slice(0, textLimit)}\n… cut here; the transcript has all of it`;
}

const headLimit = 4000;
const tailLimit = 24_000;
/** An output with more at its end. */
export function longer(output: Output, text: string): Output {
  const room = Math.max(0, headLimit - output.head.length);
  const head = output.head + text.slice(0, room);
  const tail = output.tail + text.slice(room);
  const over = Math.max(0, tail.length - tailLimit);
  return { head, tail: tail.slice(over), dropped: output.dropped + over };
}
