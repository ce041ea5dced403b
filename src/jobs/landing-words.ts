import type { LandingRequest } from '../../drizzle/schema';
import type { Step } from '../agent/landing/commits';
import type { CheckOutcome, Run, Variation } from '../core/contract';
import type { LandingStep } from '../core/landing-matter';
import { asCode, harmless, harmlessLine } from './harmless';

/** Of a generated body; what a person wrote is theirs. */
const maxSummary = 8_000;
const maxMessage = 4_000;
const maxChecks = 50;
const maxFlags = 20;

/** The title of what lands: a person's words, on one line. */
export function titleOf(request: Pick<LandingRequest, 'title'>, run: Pick<Run, 'name'>): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they have no place on a line
  return (request.title ?? run.name).replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ').trim();
}

/** A commit's message: the title, then a person's words, else what the agent says that it did. */
export function messageOf(title: string, summary: string | null, body: string | null = null): string {
  const text = body ?? harmless(summary ?? '', maxMessage);
  return text === '' ? `${title}\n` : `${title}\n\n${text}\n`;
}

/** The agent's steps as commits: what it said of each, else what it did. */
export function stepsOf(steps: readonly LandingStep[]): Step[] {
  return steps.map(({ patch, said, did, date }, at) => {
    const [first = '', ...more] = harmless(said ?? '', maxMessage).split('\n');
    const title = harmlessLine(first || did || `Step ${at + 1}`, 100);
    const rest = (first.length > 100 ? [first, ...more] : more).join('\n').trim();
    return { patch, date, message: rest === '' ? `${title}\n` : `${title}\n\n${rest}\n` };
  });
}

/** What a generated body tells besides the run. */
export interface BodyMatter {
  run: Pick<Run, 'id' | 'name' | 'base_checks'>;
  variation: Pick<Variation, 'position' | 'agent' | 'result' | 'checks' | 'flags'>;
  verdict: string | null;
  publicUrl: string | null;
}

/** The body of a pull request, where nobody wrote one: summary, checks, verdict, what to look at, and where it is from. */
export function bodyOf({ run, variation, verdict, publicUrl }: BodyMatter): string {
  const { position, agent, result, checks, flags } = variation;
  const summary = quoted(harmless(result ?? '', maxSummary));
  const from = `run ${run.id}, variation ${position}, by ${harmlessLine(agent.name, 100)} (${harmlessLine(agent.model, 100)})`;
  const link =
    publicUrl === null
      ? `Made by Bakeoff: ${from}.`
      : `Made by [Bakeoff](${pageOf(publicUrl, run.id)}): ${from}.`;
  const parts = [
    summary,
    checks.length === 0 ? '' : `### Checks\n\n${tableOf(checks, run.base_checks)}`,
    verdict === null ? '' : `### Verdict\n\n${harmlessLine(verdict, 300)}`,
    flags.length === 0 ? '' : `### Look at\n\nThe change touches what judges it:\n\n${listOf(flags)}`,
    `---\n${link}`,
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

/** As a quotation: whatever its words begin, a code block above all, ends with it. */
function quoted(text: string): string {
  return text === '' ? '' : text.replace(/^/gm, '> ').replace(/^> $/gm, '>');
}

function tableOf(checks: readonly CheckOutcome[], base: readonly CheckOutcome[]): string {
  const rows = checks.slice(0, maxChecks).map((check) => {
    const before = base.find((one) => one.name === check.name)?.result;
    const flaky = check.flaky ? ', flaky: decides nothing' : '';
    return `| ${asCode(check.name)} | ${before === undefined ? '' : plain(before)} | ${plain(check.result)}${flaky} |`;
  });
  const more = checks.length - rows.length;
  return [
    '| check | before | with this change |',
    '| --- | --- | --- |',
    ...rows,
    ...(more > 0 ? [`| and ${more} more | | |`] : []),
  ].join('\n');
}

function plain(result: string): string {
  return result.replaceAll('_', ' ');
}

function listOf(flags: Variation['flags']): string {
  const lines = flags.slice(0, maxFlags).map(({ path, change }) => `- ${asCode(path)} (${change})`);
  const more = flags.length - lines.length;
  return [...lines, ...(more > 0 ? [`- and ${more} more`] : [])].join('\n');
}

function pageOf(publicUrl: string, runId: number): string {
  return new URL(`runs/${runId}`, publicUrl.endsWith('/') ? publicUrl : `${publicUrl}/`).href;
}

/** Of a branch: the name in small letters and digits. */
export function slugOf(name: string): string {
  const words = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .match(/[a-z0-9]+/g);
  const slug = (words ?? []).join('-').slice(0, 40).replace(/-+$/, '');
  return slug === '' ? 'change' : slug;
}
