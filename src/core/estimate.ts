import type { TaskType } from '../../drizzle/schema';

/** Seconds that a run of each type takes, before the project has a history of its own. */
const seconds: Record<TaskType, number> = {
  general: 300,
  analysis: 600,
  coding: 1800,
  research: 900,
  review: 420,
  documentation: 720,
};

/** Estimated duration in seconds: longer goals take longer. */
export function estimateDuration(taskType: TaskType, goal: string): number {
  return Math.round(seconds[taskType] * (1 + 0.5 * Math.min(goal.length / 100, 5)));
}
