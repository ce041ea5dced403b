import type { Turn } from '../../src/agent/models/scripted';
import { openai } from '../support/providers/openai';
import type { Body } from '../support/providers/protocol';

export const key = 'key-of-the-models-0123456789';
/** Answers of a whole run. */
export const steps = 20;
/** Makes the commands of the load known among all processes of the machine: `sleep 0.…` with this at its end. */
export const token = String(10_000_000 + (process.pid % 1_000_000) * 7 + 1).slice(1);

/** The files that the load changes. */
export const files = {
  'a.txt': Array.from({ length: 40 }, (_, i) => `line ${i + 1}\n`).join(''),
  'README.md': 'What the load works on.\n',
};

/** One request, as it came and as it was answered. Milliseconds since 1970. */
export interface Call {
  step: number;
  at: number;
  /** When the first piece of the answer went out. */
  first: number | null;
  /** When the last one did. */
  last: number | null;
}

export interface ModelServer {
  /** For an agent's `base_url`. */
  url: string;
  /** Requests by variation, named `label/position`. */
  calls: Map<string, Call[]>;
  /** What should not have been sent: a conversation that a provider refuses, or one that no undisturbed run has. */
  odd: string[];
  total(): number;
  stop(): Promise<void>;
}

/**
 * A provider whose answer follows from the conversation it is shown, and from nothing else. The agent's model
 * `chaos-<position>` and the `[label]` in the goal say whose conversation it is. Answers stream over `streamMs`.
 */
export function startModel(streamMs: number): ModelServer {
  const calls = new Map<string, Call[]>();
  const odd: string[] = [];
  const shown = new Map<string, string>();
  const positions = Array.from({ length: 16 }, (_, i) => `chaos-${i + 1}`);

  const answer = async (request: Request): Promise<Response> => {
    const text = await request.text();
    const body = JSON.parse(text) as Body;
    const refusal = openai.refuse(request.headers, body, text, { key, models: positions, refuses: [] });
    if (refusal) {
      odd.push(refusal.message);
      return openai.error(refusal);
    }
    const messages = body.messages as { role: string; content: unknown }[];
    const position = Number(String(body.model).slice('chaos-'.length));
    const label = /\[(\w+)\]/.exec(String(messages[1]?.content))?.[1] ?? '?';
    const name = `${label}/${position}`;
    const step = messages.filter((message) => message.role === 'assistant').length;
    // The label is all that tells the conversations of two runs apart.
    const conversation = JSON.stringify(messages.slice(1).map(sorted)).replaceAll(`[${label}]`, '');
    const place = `${position} ${step}`;
    const known = shown.get(place);
    if (known === undefined) shown.set(place, conversation);
    else if (known !== conversation) {
      if (odd.length < 20) odd.push(`${name} at step ${step} was shown ${difference(known, conversation)}`);
    }
    const call: Call = { step, at: Date.now(), first: null, last: null };
    calls.set(name, [...(calls.get(name) ?? []), call]);
    const frames = grouped(openai.frames(body, turn(position, step), undefined), 6);
    return new Response(paced(frames, streamMs / frames.length, call, request.signal), {
      headers: { 'content-type': 'text/event-stream; charset=utf-8' },
    });
  };

  const server = Bun.serve({
    ...{ port: 0, hostname: '127.0.0.1', idleTimeout: 0, development: false },
    error: (thrown) => {
      odd.push(String(thrown));
      return new Response(null, { status: 500 });
    },
    fetch: answer,
  });
  return {
    ...{ url: `http://127.0.0.1:${server.port}/v1`, calls, odd },
    total: () => [...calls.values()].reduce((sum, list) => sum + list.length, 0),
    stop: () => server.stop(true),
  };
}

/** What the model of a position answers after `step` answers: small edits, commands, plans, looks; then the end. */
export function turn(position: number, step: number): Turn {
  const call = (name: string, args: Record<string, unknown>) => ({ name, arguments: args });
  const edit = (line: number) =>
    call('edit_file', {
      path: 'a.txt',
      search: `line ${line}\n`,
      replace: `line ${line}, by ${position} in ${step}\n`,
    });
  // Appending is what shows whether a command that was cut off began again on the files of before.
  const command = (seconds: number) =>
    call('run_command', {
      command: `echo ${step} >>log.txt; sleep ${seconds.toFixed(2)}${token}; echo ${step} done >>log.txt`,
    });
  const write = (name: string) =>
    call('write_file', { path: `made/${name}.txt`, content: `${name} by ${position}\n` });
  const plan = call('write_plan', {
    steps: ['Look', 'Change', 'Prove'].map((text, i) => ({
      text,
      status: step > i * 7 ? 'done' : step === 0 && i === 0 ? 'active' : 'pending',
    })),
  });
  const progress = call('report_progress', { percentage: step * 5, step: `step ${step}` });
  const text = `This is step ${step} of the work at place ${position}.`;
  if (step >= steps - 1) return { text, tool_calls: [call('finish', { summary: `Done by ${position}.` })] };
  const kinds = [
    [plan],
    [command(0.05)],
    [edit(step + 1), progress, command(0.05)],
    [call('read_file', { path: 'a.txt' }), write(`one-${step}`), edit(step + 2)],
    [command(0.2)],
    [edit(step + 1), write(`two-${step}`), command(0.05), write(`three-${step}`)],
  ];
  return { text, tool_calls: kinds[step % kinds.length] ?? [] };
}

/** Calls of the answer after `step` answers. */
export function callsOf(step: number): string[] {
  return (turn(1, step).tool_calls ?? []).map((call) => call.name);
}

/** A message whose calls' arguments have their names in order: the record keeps what they say, not how they were written. */
function sorted(message: object): unknown {
  const { tool_calls } = message as { tool_calls?: { function: { arguments: string } }[] };
  const calls = tool_calls?.map((call) => {
    const given = Object.entries(JSON.parse(call.function.arguments) as object);
    return { ...call, function: { ...call.function, arguments: given.sort(([a], [b]) => (a < b ? -1 : 1)) } };
  });
  return calls === undefined ? message : { ...message, tool_calls: calls };
}

function grouped(frames: string[], groups: number): string[] {
  const size = Math.ceil(frames.length / groups);
  return Array.from({ length: Math.ceil(frames.length / size) }, (_, i) =>
    frames.slice(i * size, (i + 1) * size).join(''),
  );
}

function paced(pieces: string[], pauseMs: number, call: Call, signal: AbortSignal) {
  let next = 0;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (signal.aborted) return controller.close();
      await Bun.sleep(pauseMs);
      const piece = pieces[next++];
      if (piece === undefined) {
        call.last = Date.now();
        return controller.close();
      }
      call.first ??= Date.now();
      controller.enqueue(new TextEncoder().encode(piece));
    },
  });
}

function difference(known: string, seen: string): string {
  let at = 0;
  while (at < known.length && known[at] === seen[at]) at += 1;
  const around = (text: string) => text.slice(Math.max(0, at - 60), at + 160);
  return `“${around(seen)}” instead of “${around(known)}”`;
}
