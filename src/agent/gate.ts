import type { ToolCall } from '../core/conversation';
import type { PlanStep } from '../core/fact';
import type { Journal } from './journal';
import { type Decision, decisionAt, type Steering, Suspended } from './steering';

/** What becomes of a tool call that a person may have a word on: it is run, or answered with that word. */
export type Gate = { answer: string; ok: boolean; approvedPlan?: true } | null;

/**
 * Holds a tool call against what its run wants approved: commands, or the plan while there is none that was approved.
 * @param number the call's, which names the place in the conversation
 * @throws Suspended when a person has to be asked first
 */
export async function gate(
  call: ToolCall,
  number: number,
  { steering, journal, planning }: { steering: Steering; journal: Journal; planning: boolean },
): Promise<Gate> {
  const key = `tool:${number}`;
  if (steering.approval === 'commands' && call.name === 'run_command') {
    const command = call.arguments?.command;
    if (typeof command !== 'string' || steering.allowed(command)) return null;
    const decided = decisionAt(steering, 'commands', key);
    if (!decided) throw new Suspended({ kind: 'commands', key, question: { command } });
    if (decided.decision === 'approve') return null;
    return { answer: `A person denied this command; it was not run.${said(decided)}`, ok: false };
  }
  if (steering.approval === 'plan' && call.name === 'write_plan') {
    const steps = stepsOf(call.arguments);
    if (steps === null) return null; // The tool says what is wrong with it.
    const decided = decisionAt(steering, 'plan', key);
    if (!decided && !planning) return null;
    if (!decided) {
      await journal.planned(steps);
      throw new Suspended({
        kind: 'plan',
        key,
        question: { plan: steps.map((step) => step.text).join('\n') },
      });
    }
    if (decided.decision === 'approve') {
      await journal.planned(decided.plan === null ? steps : parsePlan(decided.plan));
      return { answer: planWord(decided), ok: true, approvedPlan: true };
    }
    return { answer: planWord(decided), ok: false };
  }
  return null;
}

/** What the agent is told of a decision on its plan. */
export function planWord(decided: Decision): string {
  if (decided.decision === 'deny')
    return `A person did not approve the plan.${said(decided)} Make another, and call \`write_plan\` with it.`;
  const changed =
    decided.plan === null ? '' : ` They changed it; this is the plan now:\n\n${decided.plan.trim()}\n\n`;
  return `A person approved the plan.${said(decided)}${changed} Carry it out now; all tools are offered.`;
}

/** What the agent is told when its final patch was not approved. */
export function commitWord(decided: Decision): string {
  return `A person looked at your changes and did not approve them.${said(decided)} Mend that, then call \`finish\` again.`;
}

function said({ comment }: Decision): string {
  return comment?.trim() ? ` They say: ${comment.trim()}` : '';
}

/** The steps of a plan's call, when it has the form that the tool asks for. */
function stepsOf(given: Record<string, unknown> | null): PlanStep[] | null {
  if (!Array.isArray(given?.steps) || given.steps.length === 0) return null;
  const steps: PlanStep[] = [];
  for (const one of given.steps as unknown[]) {
    const text = (one as { text?: unknown } | null)?.text;
    if (typeof text !== 'string' || text.trim() === '') return null;
    steps.push({ text: text.replace(/\s+/g, ' ').trim().slice(0, 500), status: 'pending' });
  }
  return steps.slice(0, 40);
}

/** A plan as a person wrote it: a step a line, whatever marks its beginning. */
export function parsePlan(text: string): PlanStep[] {
  return text
    .split('\n')
    .map((line) => line.replace(/^\s*(?:[-*•]|\d+[.)])?\s*/, '').trim())
    .filter((line) => line !== '')
    .slice(0, 40)
    .map((line) => ({ text: line.slice(0, 500), status: 'pending' }));
}
