import { createHash } from 'node:crypto';
import type { Message } from '../../core/conversation';
import type { JudgeAnswer, JudgeQuestion, NoOpinion } from '../../core/opinion';
import { type Model, ModelError, type TokenUsage } from '../model';
import { cleanText } from '../models/conversation';
import { type Read, readAnswer } from './json';

/** Who is asked for opinions, and how what was said is kept. */
export interface Judge {
  model: Model;
  signal: AbortSignal;
  /** Answers recorded before, by their keys. What is among them is not asked again, in this run of the work or after a crash. */
  answers?: ReadonlyMap<string, JudgeAnswer>;
  /**
   * Called after each call of the model, and awaited before its answer is used: record it here. An answer without text
   * (the model was down) may come again under the same key. `about`: the positions shown, in their order, where several
   * are compared: for the record alone, no model is told.
   */
  onAnswer?: (answer: JudgeAnswer, about?: number[]) => void | Promise<void>;
}

/** What was used by calls made now; what came from `answers` was counted before. A cost is null when one is not known. */
export interface Spent {
  usage: TokenUsage;
  cost_usd: number | null;
  model_calls: number;
}

/** A model's opinion; `value` is null, with the reason in `failure`, when none was to be had. That is never an error. */
export interface Opinion<T> extends Spent {
  value: T | null;
  failure: NoOpinion | null;
}

export interface Question<T> {
  about: JudgeQuestion;
  /** The rules. */
  system: string;
  prompt: string;
  read: (value: unknown) => Read<T>;
}

/** Characters of an answer that are kept and read. */
const maxAnswer = 20_000;

/**
 * Asks one question: one call, and one more with the complaint when the answer cannot be read.
 * @throws the signal's reason, and what `onAnswer` throws; never for the model
 */
export async function askJudge<T>(judge: Judge, question: Question<T>): Promise<Opinion<T>> {
  const key = keyOf(judge.model, question);
  const messages: Message[] = [{ role: 'user', text: question.prompt }];
  const made: JudgeAnswer[] = [];
  let complaint = '';
  for (const own of [key, `${key}.2`]) {
    let answer = judge.answers?.get(own);
    // What a model that was down did not say was not paid for: it is asked again.
    if (answer === undefined || answer.text === null) {
      answer = await call(judge, question, own, messages);
      made.push(answer);
    }
    if (answer.text === null) return { value: null, failure: answer.failure, ...spentOn(made) };
    const read = readAnswer(answer.text, question.read);
    if ('value' in read) return { value: read.value, failure: null, ...spentOn(made) };
    complaint = read.complaint;
    messages.push({ role: 'assistant', text: answer.text, tool_calls: [] });
    messages.push({
      role: 'user',
      text: `Your answer cannot be used. ${complaint} Answer again, in the form asked for.`,
    });
  }
  const failure = {
    code: 'unreadable' as const,
    message: `No answer that can be read, asked twice: ${complaint}`,
  };
  return { value: null, failure, ...spentOn(made) };
}

/** The sum of several opinions' calls. */
export function spentTogether(each: readonly Spent[]): Spent {
  const usage = { input_tokens: 0, output_tokens: 0, cached_tokens: 0, reasoning_tokens: 0 };
  let cost_usd: number | null = 0;
  let model_calls = 0;
  for (const one of each) {
    usage.input_tokens += one.usage.input_tokens;
    usage.output_tokens += one.usage.output_tokens;
    usage.cached_tokens += one.usage.cached_tokens;
    usage.reasoning_tokens += one.usage.reasoning_tokens;
    cost_usd = cost_usd === null || one.cost_usd === null ? null : cost_usd + one.cost_usd;
    model_calls += one.model_calls;
  }
  return { usage, cost_usd, model_calls };
}

async function call<T>(
  { model, signal, onAnswer }: Judge,
  { about, system }: Question<T>,
  key: string,
  messages: readonly Message[],
): Promise<JudgeAnswer> {
  signal.throwIfAborted();
  const { provider, name } = model;
  const started = performance.now();
  let answer: JudgeAnswer;
  try {
    const response = await model.respond({ system, messages: [...messages], tools: [], signal });
    answer = {
      ...{ key, question: about, provider: response.provider, model: response.model },
      text: cleanText(response.message.text.slice(0, maxAnswer)),
      ...{
        usage: response.usage,
        cost_usd: response.cost_usd,
        latency_ms: response.latency_ms,
        failure: null,
      },
    };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ModelError)) throw error;
    answer = {
      ...{ key, question: about, provider, model: name, text: null },
      ...{ usage: spentTogether([]).usage, cost_usd: 0, latency_ms: Math.round(performance.now() - started) },
      failure: { code: error.code, message: error.message },
    };
  }
  await onAnswer?.(answer);
  signal.throwIfAborted();
  return answer;
}

function spentOn(answers: readonly JudgeAnswer[]): Spent {
  return spentTogether(
    answers.map(({ usage, cost_usd, text }) => ({ usage, cost_usd, model_calls: text === null ? 0 : 1 })),
  );
}

/** Nothing of the run or its variations: the same texts are the same question, whoever asks. */
function keyOf<T>(model: Model, { about, system, prompt }: Question<T>): string {
  const whole = JSON.stringify([model.provider, model.name, about, system, prompt]);
  return createHash('sha256').update(whole).digest('hex').slice(0, 32);
}
