import { rules, type Task, taskParts } from './criteria';
import { fenced } from './fence';
import type { Read } from './json';
import { askJudge, type Judge, type Opinion } from './judge';
import { roomIn, toMaterial, type Work } from './material';
import goalRules from './prompts/goal.md' with { type: 'text' };
import { sentence, sentences, under, yesOrNo } from './read';

/** An opinion of whether a goal is reached, for where there are no checks. */
export interface GoalOpinion {
  met: boolean;
  /** What its author could mend, at most ten. */
  missing: string[];
  reason: string;
  /** The work was too long to be shown whole. */
  cut: boolean;
}

/**
 * Asks once whether a work reaches its goal. One that is said to be met with something missing is not. No opinion holds
 * nobody back: without one there is no reason for another iteration. What `askJudge` promises.
 */
export function assessGoal(
  judge: Judge,
  { task, work }: { task: Task; work: Work },
): Promise<Opinion<GoalOpinion>> {
  const room = roomIn(judge.model);
  const material = toMaterial(work, Math.floor(room * 0.7));
  return askJudge(judge, {
    about: 'goal',
    system: rules(goalRules),
    prompt: `${fenced([...taskParts(task, room), ['the_work', material.text]])}\n\nDoes the work reach the goal?`,
    read(value): Read<GoalOpinion> {
      const met = yesOrNo(under(value, 'met', 'goal_met'));
      if (met === null) return { complaint: 'It needs "met", which is true or false.' };
      const missing = sentences(under(value, 'missing'), 10, 300) ?? [];
      const reason = sentence(under(value, 'reason'), 500);
      return { value: { met: met && missing.length === 0, missing, reason, cut: material.cut } };
    },
  });
}
