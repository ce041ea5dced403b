import type { ContextText, RunOptions, TaskType } from '../../drizzle/schema';
import { estimateTokens } from './context';
import { decode, type Environment } from './environment';
import main from './prompt.md' with { type: 'text' };
import analysis from './prompts/analysis.md' with { type: 'text' };
import coding from './prompts/coding.md' with { type: 'text' };
import documentation from './prompts/documentation.md' with { type: 'text' };
import dryRun from './prompts/dry_run.md' with { type: 'text' };
import general from './prompts/general.md' with { type: 'text' };
import patch from './prompts/patch.md' with { type: 'text' };
import plan from './prompts/plan.md' with { type: 'text' };
import research from './prompts/research.md' with { type: 'text' };
import review from './prompts/review.md' with { type: 'text' };
import { readWhole } from './tools/files';
import { drawTree, listPaths } from './tools/listing';
import { fit, withoutCodes } from './tools/text';
import { Refused } from './tools/tool';

/** What an agent is asked to do. */
export interface Assignment {
  goal: string;
  description: string | null;
  instructions: string | null;
  context: ContextText[];
  task_type: TaskType;
  options: RunOptions;
  /** The agent profile's own. */
  agent_instructions: string | null;
}

const tasks: Record<TaskType, string> = { general, analysis, coding, research, review, documentation };
const guides = ['AGENTS.md', 'CLAUDE.md'];

/**
 * The rules: how to work, the task type's paragraph, what the operator wrote for this agent.
 * @param planning its plan is to be approved first
 */
export function systemPrompt(assignment: Assignment, planning = false): string {
  const own = assignment.agent_instructions?.trim();
  return [
    main,
    tasks[assignment.task_type],
    ...(assignment.options.dry_run ? [dryRun] : []),
    ...(planning ? [plan] : []),
    ...(own ? [`# Instructions for you\n\n${withoutCodes(own)}`] : []),
  ]
    .map((part) => part.trim())
    .join('\n\n');
}

/** The rules where the model answers once, with a patch. */
export function patchPrompt(assignment: Assignment): string {
  const own = assignment.agent_instructions?.trim();
  const parts = [patch, ...(own ? [`# Instructions for you\n\n${withoutCodes(own)}`] : [])];
  return parts.map((part) => part.trim()).join('\n\n');
}

/**
 * The first message: the goal and what joins it, whole; then, each within its share of `tokens`, the texts given as
 * context, the repository's guides for agents, and a map of its files.
 */
export async function firstPrompt(
  assignment: Assignment,
  environment: Environment,
  tokens: number,
  signal: AbortSignal,
): Promise<string> {
  const share = (part: number, most: number) => Math.max(400, Math.min(most, Math.floor(tokens * part * 4)));
  const parts = [section('Goal', assignment.goal)];
  if (assignment.description?.trim()) parts.push(section('Description', assignment.description));
  if (assignment.instructions?.trim()) parts.push(section('Instructions', assignment.instructions));
  parts.push(...contextParts(assignment.context, share(0.25, 200_000)));
  parts.push(...(await guideParts(environment, share(0.1, 24_000), signal)));
  parts.push(await map(environment, share(0.05, 12_000), signal));
  parts.push(
    `The workspace is at ${environment.root}. You have ${assignment.options.max_steps} steps (answers of yours); ` +
      `${assignment.options.dry_run ? 'plan' : 'work'} until the goal is reached, then call \`finish\`.`,
  );
  return parts.join('\n\n');
}

function section(title: string, text: string): string {
  return `# ${title}\n\n${withoutCodes(text).trim()}`;
}

/** Each text has an equal share; what a short one leaves goes to the others. */
function contextParts(texts: ContextText[], chars: number): string[] {
  let left = chars;
  let waiting = texts.length;
  const cut = new Map<ContextText, string>();
  for (const text of texts.toSorted((a, b) => a.text.length - b.text.length)) {
    const clean = fit(withoutCodes(text.text), Math.max(200, Math.floor(left / waiting))).text;
    left -= clean.length;
    waiting--;
    cut.set(text, clean);
  }
  return texts.map((text) => quoted('context', { title: text.title }, cut.get(text) ?? ''));
}

/** AGENTS.md and CLAUDE.md of the root; one of them where they are the same. */
async function guideParts(environment: Environment, chars: number, signal: AbortSignal): Promise<string[]> {
  const parts: string[] = [];
  const seen = new Set<string>();
  for (const name of guides) {
    const text = await guide(environment, name, signal);
    if (text === null || seen.has(text)) continue;
    seen.add(text);
    parts.push(quoted('repository_guide', { file: name }, fit(text, Math.floor(chars / guides.length)).text));
  }
  return parts;
}

async function guide(environment: Environment, name: string, signal: AbortSignal): Promise<string | null> {
  try {
    const bytes = await readWhole({ environment, signal }, `./${name}`, 1_000_000);
    return withoutCodes(decode(bytes)).trim() || null;
  } catch (error) {
    // Not there, a folder, too large, a link that leads out: then there is no guide.
    if (error instanceof Refused) return null;
    throw error;
  }
}

async function map(environment: Environment, chars: number, signal: AbortSignal): Promise<string> {
  const paths = await listPaths({ environment, signal }, '.');
  if (paths.length === 0) return 'The repository has no files yet.';
  return quoted('repository_files', { count: String(paths.length) }, drawTree(paths, chars).text);
}

/** Data, so marked that nothing in it can end the mark. */
export function quoted(tag: string, attributes: Record<string, string>, text: string): string {
  const given = Object.entries(attributes).map(
    ([name, value]) => ` ${name}=${JSON.stringify(withoutCodes(value))}`,
  );
  const inside = text.replace(new RegExp(`<(?=[\\s/]*${tag})`, 'gi'), '&lt;');
  return `<${tag}${given.join('')}>\n${inside}\n</${tag}>`;
}

/** Tokens of the rules and the tools, which every request carries. */
export function fixedTokens(system: string, tools: unknown): number {
  return estimateTokens(system) + estimateTokens(JSON.stringify(tools));
}
