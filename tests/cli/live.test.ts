import { expect, test } from 'bun:test';
import { openLive } from '../../src/cli/live';
import type { Screen } from '../../src/cli/screen';
import type { Run } from '../../src/core/contract';
import type { Event, Fact } from '../../src/core/fact';

const run = {
  variations: [1, 2].map((position) => ({
    position,
    agent: { name: position === 1 ? 'careful' : 'x\u001b[31m' },
    status: 'queued',
    progress_percentage: 0,
    current_step: null,
  })),
} as unknown as Run;

function screen(live: boolean): Screen & { text: string } {
  const it = {
    text: '',
    live,
    color: false,
    width: () => 60,
    write: (text: string) => {
      it.text += text;
    },
    bytes: () => {},
  };
  return it;
}

const facts: [number | null, Fact][] = [
  [null, { type: 'run.started', payload: {} }],
  [1, { type: 'variation.started', payload: { attempt: 1, epoch: 1, worker: 'w', agent: 'a', model: 'm' } }],
  [1, { type: 'variation.progress', payload: { percentage: 40, step: 'Reads\u001b[2J all\nof it' } }],
  [1, { type: 'variation.progress', payload: { percentage: 41, step: 'Reads\u001b[2J all\nof it' } }],
  [
    1,
    {
      type: 'tool.started',
      payload: { tool: 1, id: 'c', name: 'run_command', arguments: {}, title: 'x'.repeat(500) },
    },
  ],
  [2, { type: 'variation.failed', payload: { error: { code: 'timeout', message: 'too long' } } }],
  [
    1,
    {
      type: 'variation.completed',
      payload: { summary: null, patch: { files: 1, additions: 1, deletions: 1, bytes: 9 } },
    },
  ],
];
const events = facts.map(
  ([variation, fact], index) => ({ ...fact, run_id: 1, seq: index + 1, variation, created_at: '' }) as Event,
);

test('elsewhere than on a terminal there is one plain line for each change', () => {
  const out = screen(false);
  const live = openLive(out, run, () => 0);
  for (const event of events) live.event(event);
  live.end();
  const lines = out.text.trimEnd().split('\n');
  expect(lines).toHaveLength(5);
  expect(lines[0]).toBe('   0.0 s  1 careful  running');
  expect(lines[1]).toBe('   0.0 s  1 careful  running    Reads�[2J all of it');
  expect(lines[3]).toContain('failed     timeout: too long');
  expect(lines[4]).toContain('completed  1 file  +1 −1');
  expect(out.text).not.toContain('\u001b');
});

test('on a terminal each variation keeps its line, within the width, and the last state stays', () => {
  const out = screen(true);
  const live = openLive(out, run, () => 0);
  for (const event of events) live.event(event);
  live.end();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: our own cursor movements
  const frames = out.text.split(/\u001b\[2A/);
  expect(frames).toHaveLength(2);
  for (const frame of frames) {
    const lines = frame.replaceAll('\r\u001b[2K', '').trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(Bun.stringWidth(line)).toBeLessThan(60);
    expect(frame.replaceAll('\r\u001b[2K', '')).not.toContain('\u001b');
  }
  expect(frames[1]).toContain('✔ 1 careful');
  expect(frames[1]).toContain('100 %');
  expect(frames[1]).toContain('✘ 2 x�[31m');
});

const asked = { plan: 'Read\nWrite' };
const waiting: [number | null, Fact][] = [
  [1, { type: 'approval.requested', payload: { approval: 7, kind: 'plan', question: asked } }],
  [1, { type: 'approval.reminded', payload: { approval: 7, kind: 'plan', waited_s: 9 } }],
  [1, { type: 'variation.queued', payload: { agent: 'careful', model: 'm', why: 'decided' } }],
  [2, { type: 'variation.paused', payload: {} }],
  [2, { type: 'directive.received', payload: { directive: 1, text: 'a\u001b[2J', path: null, line: null } }],
  [3, { type: 'variation.queued', payload: { agent: 'new', model: 'm', why: 'fork', checkpoint: 2 } }],
  [
    3,
    {
      type: 'variation.retrying',
      payload: {
        error: { code: 'model_unavailable', message: 'x' },
        ...{ retry: 1, of: 3, delay_ms: 1000, at: '2030-01-01T00:00:00.000Z' },
      },
    },
  ],
];

test('what waits for a person says so once, with the command that lets it go on', () => {
  const out = screen(false);
  const live = openLive(out, run, () => 0);
  for (const [seq, [variation, fact]] of waiting.entries())
    live.event({ ...fact, run_id: 12, seq: seq + 1, variation, created_at: '' } as Event);
  live.end();
  const lines = out.text.trimEnd().split('\n');
  expect(lines).toHaveLength(6);
  expect(lines[0]).toContain('awaiting approval  ./bakeoff approve 12 7  plan of 2 steps');
  expect(lines[1]).toContain('queued     answered');
  expect(lines[2]).toContain('paused     ./bakeoff resume 12 2');
  expect(lines[3]).toContain('paused     told: a�[2J');
  expect(lines[4]).toContain('3 new');
  expect(lines[4]).toContain('forked from checkpoint 2');
  expect(lines[5]).toMatch(/queued {5}try 1 of 3 at .*model_unavailable: x/);
});
