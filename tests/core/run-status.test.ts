import { expect, test } from 'bun:test';
import { runStatuses, type VariationStatus, variationStatuses } from '../../drizzle/schema';
import { statusOf, taskStatusOf } from '../../src/core/run-status';

test('a run’s status follows from its variations in the order of the contract', () => {
  const table: [VariationStatus[], VariationStatus][] = [
    [['stopped', 'failed', 'completed', 'queued', 'paused', 'awaiting_approval', 'running'], 'running'],
    [['stopped', 'failed', 'completed', 'queued', 'paused', 'awaiting_approval'], 'awaiting_approval'],
    [['stopped', 'failed', 'completed', 'queued', 'paused'], 'paused'],
    [['stopped', 'failed', 'completed', 'queued', 'needs_review'], 'queued'],
    [['stopped', 'failed', 'needs_review', 'completed'], 'completed'],
    [['stopped', 'failed', 'needs_review'], 'needs_review'],
    [['stopped', 'failed'], 'failed'],
    [['stopped', 'stopped'], 'stopped'],
  ];
  for (const [variations, expected] of table) {
    expect(statusOf(variations)).toBe(expected);
    expect(statusOf([...variations].reverse())).toBe(expected);
  }
  for (const status of variationStatuses) expect(statusOf([status])).toBe(status);
});

test('every status has its word of the monitoring API', () => {
  const words = Object.fromEntries(runStatuses.map((status) => [status, taskStatusOf[status]]));
  expect(words).toEqual({
    pending: 'pending',
    queued: 'queued',
    running: 'running',
    paused: 'running',
    awaiting_approval: 'running',
    needs_review: 'failed',
    completed: 'completed',
    failed: 'failed',
    stopped: 'cancelled',
  });
});
