import { afterEach, describe, expect, test } from 'bun:test';
import { type Assignment, type WorkInput, work } from '../../src/agent/loop';
import type { Model } from '../../src/agent/model';
import { VariationFailure } from '../../src/core/failure';
import { assignment, type Bench, bench, recordingJournal, scripted } from '../support/agent-bench';

const benches: Bench[] = [];
afterEach(async () => {
  for (const one of benches.splice(0)) await one.remove();
});

async function setUp(files: Record<string, string> = { 'a.txt': 'one\ntwo\n' }) {
  const made = await bench(files);
  benches.push(made);
  return made;
}

type Options = Parameters<typeof assignment>[0];

async function run(
  model: Model,
  options: Options = {},
  more: Partial<WorkInput> = {},
  record = recordingJournal(),
) {
  const desk = await setUp();
  const task: Assignment = assignment(options);
  const signal = new AbortController().signal;
  const outcome = work({
    assignment: task,
    model,
    workspace: desk.workspace,
    journal: record.journal,
    signal,
    ...more,
  });
  return { outcome: await outcome, record, desk };
}

async function failure(promise: Promise<unknown>): Promise<VariationFailure> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(VariationFailure);
  return error as VariationFailure;
}

const tool = (name: string, args: Record<string, unknown> | string) => ({
  tool_calls: [{ name, arguments: args }],
});
const done = tool('finish', { summary: 'All done.' });
const textOf = (patch: { bytes: Uint8Array }) => new TextDecoder().decode(patch.bytes);

/** The scripted model, with every request it got. */
function watched(model: Model) {
  const requests: Parameters<Model['respond']>[0][] = [];
  const respond: Model['respond'] = (request) => {
    requests.push({ ...request, messages: [...request.messages] });
    return model.respond(request);
  };
  return { requests, model: { ...model, respond } };
}

describe('endings', () => {
  test('the finish tool ends the work with its summary and the patch', async () => {
    const { outcome, record } = await run(
      scripted([tool('edit_file', { path: 'a.txt', search: 'two', replace: 'three' }), done]),
    );
    expect(outcome.end).toBe('finished');
    expect(outcome.summary).toBe('All done.');
    expect(textOf(outcome.patch)).toContain('+three');
    expect(record.types()).toEqual([
      ...(['step.started', 'model.requested', 'model.responded', 'tool.started', 'patch.applied'] as const),
      ...(['tool.finished', 'checkpoint.saved', 'step.completed'] as const),
      ...([
        'step.started',
        'model.requested',
        'model.responded',
        'tool.started',
        'tool.finished',
        'step.completed',
      ] as const),
    ]);
    expect(record.of('checkpoint.saved')[0]?.step).toBe(1);
    expect(record.of('model.responded').map((one) => one.call)).toEqual([1, 2]);
    expect(record.of('tool.finished').map((one) => one.tool)).toEqual([1, 2]);
  });

  test('a message that calls no tool ends it too', async () => {
    const { outcome } = await run(scripted([{ text: 'The answer is 42.' }]));
    expect(outcome).toMatchObject({ end: 'finished', summary: 'The answer is 42.' });
    expect(outcome.patch.bytes.length).toBe(0);
  });

  test('max_steps ends it, with what was done', async () => {
    const model = scripted([tool('write_file', { path: 'b.txt', content: 'b\n' })], { after: 'repeat-last' });
    const { outcome, record } = await run(model, { options: { max_steps: 3 } });
    expect(outcome).toMatchObject({ end: 'step_limit', summary: null });
    expect(textOf(outcome.patch)).toContain('b.txt');
    expect(record.of('step.completed')).toHaveLength(3);
    expect(record.of('checkpoint.saved')).toHaveLength(1);
  });

  test('calls after finish in the same answer are not run', async () => {
    const calls = [...done.tool_calls, ...tool('write_file', { path: 'b.txt', content: 'b' }).tool_calls];
    const { outcome, record } = await run(scripted([{ tool_calls: calls }]));
    expect(outcome.patch.bytes.length).toBe(0);
    expect(record.of('tool.finished')[1]).toMatchObject({
      ok: false,
      output: expect.stringContaining('Not run'),
    });
  });

  test("a model's failure is the variation's, with its code and message", async () => {
    const model = scripted([{ error: { code: 'model_refused', message: 'no such model' } }]);
    expect(await failure(run(model))).toMatchObject({ code: 'model_refused', message: 'no such model' });
  });

  test('what the journal throws after an answer ends it before the tools run', async () => {
    const record = recordingJournal(() => {
      throw new VariationFailure('budget_exceeded', 'spent');
    });
    const error = await failure(
      run(scripted([tool('write_file', { path: 'b', content: '' })]), {}, {}, record),
    );
    expect(error.code).toBe('budget_exceeded');
    expect(record.types()).not.toContain('tool.started');
  });

  test('three answers in a row that are none give the model up', async () => {
    expect((await failure(run(scripted([{}], { after: 'repeat-last' })))).code).toBe('model_nonsense');
    const garbled = scripted([tool('read_file', '{"path": ')], { after: 'repeat-last' });
    expect((await failure(run(garbled))).code).toBe('model_nonsense');
  });

  test('two such answers do not, when a good one follows', async () => {
    const { outcome } = await run(scripted([{}, {}, tool('list_files', {}), {}, {}, done]));
    expect(outcome.end).toBe('finished');
  });
});

describe('answers that go wrong', () => {
  test('nothing of a cut-off answer is run, and the model is told', async () => {
    const cut = {
      ...tool('write_file', { path: 'b.txt', content: 'half' }),
      finish_reason: 'length' as const,
    };
    const { requests, model } = watched(scripted([cut, done]));
    const { outcome, record } = await run(model);
    expect(outcome.patch.bytes.length).toBe(0);
    expect(record.of('tool.started').map((one) => one.name)).toEqual(['finish']);
    expect(requests[1]?.messages.at(-1)).toMatchObject({
      role: 'user',
      text: expect.stringContaining('cut off'),
    });
    expect(requests[1]?.messages.at(-2)).toMatchObject({ role: 'assistant', tool_calls: [] });
  });

  test('arguments that are not JSON are answered with what was wrong', async () => {
    const { record } = await run(scripted([tool('read_file', '{"path": "a.txt"'), done]));
    expect(record.of('tool.finished')[0]).toMatchObject({
      ok: false,
      output: expect.stringContaining('not a JSON object'),
    });
  });

  test('wrong arguments are answered by their name', async () => {
    const turns = [
      tool('read_file', { path: 7 }),
      tool('read_file', {}),
      tool('read_file', { path: 'a.txt', lines: 3 }),
      tool('write_plan', { steps: [{ text: 'x', status: 'soon' }] }),
      tool('run_command', { command: 'echo \0' }),
      tool('run_command', { command: `echo ${'é'.repeat(29_000)}`, timeout_s: null }),
      done,
    ];
    const { record } = await run(scripted(turns));
    const told = record.of('tool.finished').map((one) => one.output);
    expect(told[0]).toContain('"path" is wrong');
    expect(told[1]).toContain('"path" is missing');
    expect(told[2]).toContain('no argument "lines"');
    expect(told[3]).toContain('"steps.0.status" is wrong: expected one of pending, active, done');
    expect(told[4]).toContain('NUL');
    expect(record.of('tool.finished')[5]?.ok).toBe(true);
  });

  test('an unknown tool is answered with the list of tools', async () => {
    const { record } = await run(scripted([tool('rm_rf', {}), done]));
    expect(record.of('tool.finished')[0]?.output).toMatch(/no tool "rm_rf".*read_file.*finish/);
  });

  test('the fourth identical failure is said to be one; an edit in between starts anew', async () => {
    const fail = tool('run_command', { command: 'exit 3' });
    const edit = tool('write_file', { path: 'b', content: 'x' });
    const { record } = await run(scripted([fail, fail, fail, edit, fail, fail, fail, fail, done]));
    const noted = record.of('tool.finished').map((one) => one.output.includes('failed 4 times'));
    expect(noted).toEqual([false, false, false, false, false, false, false, true, false]);
  });

  test('ids that come twice are made different, before they are recorded', async () => {
    const model = scripted([tool('list_files', {}), tool('list_files', {}), done]);
    const same: Model = {
      ...model,
      async respond(request) {
        const response = await model.respond(request);
        const calls = response.message.tool_calls.map((call) => ({ ...call, id: 'same' }));
        return { ...response, message: { ...response.message, tool_calls: calls } };
      },
    };
    const { record } = await run(same);
    const ids = record.of('tool.finished').map((one) => one.id);
    expect(new Set(ids).size).toBe(3);
    expect(
      record.of('model.responded').flatMap((one) => one.message.tool_calls.map((call) => call.id)),
    ).toEqual(ids);
  });
});

describe('stopping', () => {
  async function stopped(model: Model, when: (type: string) => boolean) {
    const stop = new AbortController();
    const record = recordingJournal();
    let at = 0;
    const emit = record.journal.emit;
    record.journal.emit = (fact) => {
      emit(fact);
      if (at === 0 && when(fact.type)) {
        at = performance.now();
        setTimeout(() => stop.abort(new VariationFailure('stopped', 'A person stopped it')), 20);
      }
    };
    const error = await failure(run(model, {}, { signal: stop.signal }, record));
    return { error, ms: performance.now() - at, record };
  }

  test('a stop during the model call is there within a second', async () => {
    const { error, ms } = await stopped(
      scripted([{ text: 'x', delay_ms: 30_000 }]),
      (type) => type === 'model.requested',
    );
    expect(error.code).toBe('stopped');
    expect(ms).toBeLessThan(1000);
  });

  test('a model that does not listen does not keep a stop waiting', async () => {
    const deaf: Model = { ...scripted([]), respond: () => new Promise(() => {}) };
    const { ms } = await stopped(deaf, (type) => type === 'model.requested');
    expect(ms).toBeLessThan(1000);
  });

  test('a stop during a command is there within a second, its output kept', async () => {
    const model = scripted([tool('run_command', { command: 'echo begun; sleep 30' })]);
    const { error, ms, record } = await stopped(model, (type) => type === 'tool.output');
    expect(error.code).toBe('stopped');
    expect(ms).toBeLessThan(1000);
    expect(record.of('tool.output')[0]?.text).toBe('begun\n');
    expect(record.types()).not.toContain('tool.finished');
  });

  test('a signal that has fired already asks nobody', async () => {
    const record = recordingJournal();
    const reason = new VariationFailure('timeout', 'late');
    expect(await failure(run(scripted([done]), {}, { signal: AbortSignal.abort(reason) }, record))).toBe(
      reason,
    );
    expect(record.facts).toEqual([]);
  });
});

describe('the record', () => {
  test("a message's text is there in order, whole, before the answer, in few pieces", async () => {
    const text = Array.from({ length: 2000 }, (_, n) => `word${n} 😀`).join(' ');
    const { record } = await run(scripted([{ thinking: 'hm, so', text }]));
    expect(
      record
        .of('agent.message')
        .map((one) => one.text)
        .join(''),
    ).toBe(text);
    expect(record.of('agent.thinking')).toEqual([{ call: 1, text: 'hm, so' }]);
    expect(record.of('agent.message').length).toBeLessThan(20);
    expect(Math.max(...record.of('agent.message').map((one) => one.text.length))).toBeLessThanOrEqual(2048);
    expect(record.types().lastIndexOf('agent.message')).toBeLessThan(
      record.types().indexOf('model.responded'),
    );
  });

  test('a model that does not stream is shown all the same', async () => {
    const model = scripted([{ text: 'Quiet.' }]);
    const quiet: Model = { ...model, respond: ({ onDelta: _, ...request }) => model.respond(request) };
    const { record } = await run(quiet);
    expect(record.of('agent.message')).toEqual([{ call: 1, text: 'Quiet.' }]);
  });

  test('the stream of a loud command is bounded, and says so once', async () => {
    const { record } = await run(
      scripted([tool('run_command', { command: 'yes loud | head -c 2000000' }), done]),
    );
    const pieces = record.of('tool.output').map((one) => one.text);
    expect(pieces.join('').length).toBeLessThan(300_000);
    expect(pieces.filter((text) => text.includes('not streamed'))).toHaveLength(1);
    expect(record.of('tool.finished')[0]).toMatchObject({ ok: true, exit_code: 0, truncated: true });
    expect(record.of('tool.finished')[0]?.output.length).toBeLessThan(17_000);
  });

  test('the prompt is recorded only when asked for', async () => {
    const quiet = await run(scripted([done]));
    expect(quiet.record.of('model.requested')[0]).not.toHaveProperty('prompt');
    const verbose = await run(scripted([done]), { options: { verbose: true } });
    expect(JSON.stringify(verbose.record.of('model.requested')[0]?.prompt)).toContain('Make it right');
  });

  test('long arguments are cut in tool.started, whole in model.responded', async () => {
    const content = 'x'.repeat(100_000);
    const { record } = await run(scripted([tool('write_file', { path: 'b', content }), done]));
    expect(JSON.stringify(record.of('tool.started')[0]).length).toBeLessThan(3000);
    expect(record.of('model.responded')[0]?.message.tool_calls[0]?.arguments?.content).toBe(content);
  });

  test('plan and progress reach the journal', async () => {
    const steps = [{ text: 'look', status: 'active' as const }];
    const { record } = await run(
      scripted([
        tool('write_plan', { steps }),
        tool('report_progress', { percentage: 41.6, step: 'half' }),
        done,
      ]),
    );
    expect(record.of('plan.generated')).toEqual([{ steps }]);
    expect(record.of('variation.progress')).toEqual([{ percentage: 42, step: 'half' }]);
  });
});

describe('what the model is given', () => {
  test('in a dry run only tools that change nothing, and others are refused', async () => {
    const { requests, model } = watched(scripted([tool('write_file', { path: 'b', content: '' }), done]));
    const { outcome, record } = await run(model, { options: { dry_run: true } });
    const names = requests[0]?.tools.map((one) => one.name) ?? [];
    expect(names.toSorted()).toEqual([
      'finish',
      'list_files',
      'read_file',
      'report_progress',
      'search',
      'write_plan',
    ]);
    expect(requests[0]?.system).toContain('# Dry run');
    expect(record.of('tool.finished')[0]?.ok).toBe(false);
    expect(outcome.patch.bytes.length).toBe(0);
  });

  test('five steps before the end it is told to finish', async () => {
    const { requests, model } = watched(scripted([tool('list_files', {})], { after: 'repeat-last' }));
    await run(model, { options: { max_steps: 8 } });
    const told = requests.map(({ messages }) =>
      messages.some((one) => one.role === 'user' && one.text.includes('5 steps left')),
    );
    expect(told).toEqual([false, false, false, true, true, true, true, true]);
  });

  test('a history goes on: calls that a crash left unanswered are run, counts continue', async () => {
    const record = recordingJournal();
    const call = { id: 'call_1_1', name: 'write_file', arguments: { path: 'b.txt', content: 'b\n' } };
    const history = [
      { role: 'user' as const, text: 'the goal' },
      { role: 'assistant' as const, text: '', tool_calls: [call] },
    ];
    const { outcome } = await run(
      scripted([{ text: 'never' }, done]),
      {},
      { past: { messages: history, begun: new Set([call.id]), step: 1, tool: 0, saved: false } },
      record,
    );
    expect(textOf(outcome.patch)).toContain('b.txt');
    expect(record.types().slice(0, 6)).toEqual([
      'tool.repeated',
      'tool.started',
      'tool.finished',
      'checkpoint.saved',
      'step.completed',
      'step.started',
    ]);
    expect(record.of('step.started')).toEqual([{ step: 2 }]);
    expect(history).toHaveLength(2);
  });

  test('a history that had come to its end is not asked about again', async () => {
    const record = recordingJournal();
    const history = [
      { role: 'user' as const, text: 'the goal' },
      { role: 'assistant' as const, text: 'It is done.', tool_calls: [] },
    ];
    const { outcome } = await run(
      scripted([]),
      {},
      { past: { messages: history, begun: new Set(), step: 1, tool: 0, saved: false } },
      record,
    );
    expect(outcome).toMatchObject({ end: 'finished', summary: 'It is done.' });
    expect(record.facts).toEqual([]);
  });

  test('a long conversation is compacted before it outgrows the window', async () => {
    const loud = tool('run_command', { command: 'seq 1 4000' });
    const { requests, model } = watched(
      scripted([...Array.from({ length: 12 }, () => loud), done], { context_tokens: 40_000 }),
    );
    const { outcome } = await run(model);
    expect(outcome.end).toBe('finished');
    const sizes = requests.map(({ messages }) => JSON.stringify(messages).length);
    expect(Math.max(...sizes)).toBeLessThan(40_000 * 4);
    expect(JSON.stringify(requests.at(-1)?.messages)).toContain('left out to save room');
  });
});
