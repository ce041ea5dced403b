/**
 * Why a variation (or a run) did not complete, in the words of the contract, each with what a person can do.
 * docs/errors.md is written from this table, and a test keeps the two together.
 */
export const failures = {
  timeout: 'It worked longer than `timeout_s`. Raise the limit, or give a smaller goal.',
  step_limit:
    'It used up `max_steps` without finishing. What it did is kept: read the diff, or start again with more steps.',
  budget_exceeded: 'The run used up `budget_usd` or `budget_tokens`. Start again with a larger budget.',
  model_unavailable:
    'The model could not be reached, was overloaded or out of quota, or broke off, also after retries. See the message; test the agent.',
  model_refused:
    'The provider refused the request (key, model name, content or parameters). See the message; test the agent.',
  model_nonsense:
    'The model answered again and again with what is no answer: neither text nor a tool call that can be read.',
  context_exceeded:
    'The conversation no longer fits the model, even compacted. Give a smaller goal or a model with a larger context.',
  clone_failed:
    'The repository could not be fetched: it does not exist, asks for a password, or the network failed. See the message.',
  base_not_found:
    'The repository is empty, or has no such branch, tag or commit; or the run whose result is the base has none.',
  sandbox_unavailable:
    'This machine has no working sandbox, so no agent is run here. `GET /health` says what is missing.',
  setup_failed:
    "The project's set-up command failed, or did not end in time. Its last lines are in the message; mend the command, or the hosts that the project allows.",
  patch_rejected:
    'What the agent left could not be made a patch that applies to the base. The reasons are in the event `patch.rejected`.',
  disk_full: 'The disk of the worker is full. Free some space, then start again.',
  worker_lost: 'The process that worked on it died again and again.',
  dependency_failed:
    'A run that it depends on did not complete. Retry that one, then this one; or ask with `on_dependency_failure: "wait"`.',
  no_changes:
    'The agent finished a coding or documentation task without changing a file. Read its words, or start again with a clearer goal.',
  stopped:
    'A person stopped it; or, in a run that asks for `stop_losers`, another variation passed everything required.',
  internal: 'A mistake of Bakeoff itself. The log of the worker has the details; please report it.',
} as const satisfies Record<string, string>;

export type FailureCode = keyof typeof failures;

/** Ends a variation with a documented code; thrown anywhere below the worker, caught there once. */
export class VariationFailure extends Error {
  override name = 'VariationFailure';
  constructor(
    readonly code: FailureCode,
    message: string,
    options?: {
      cause?: unknown;
      /** The fault may pass by itself: another try is worth making. */
      transient?: boolean;
    },
  ) {
    super(message, options);
    this.transient = options?.transient ?? false;
  }
  readonly transient: boolean;
}
