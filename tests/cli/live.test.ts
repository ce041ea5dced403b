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
