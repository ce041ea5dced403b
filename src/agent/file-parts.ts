import { decode, type Environment } from './environment';
import { quoted } from './prompt';
import { readWhole } from './tools/files';
import { listPaths } from './tools/listing';
import { withoutCodes } from './tools/text';
import { Refused } from './tools/tool';

const maxFiles = 400;
const maxFileBytes = 128 * 1024;
/** Made by programs, long, and never mended by hand. */
const made =
  /(^|\/)(package-lock\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lock|Cargo\.lock|poetry\.lock|go\.sum)$/;

/**
 * Files of the repository, whole, for a model that cannot read them itself: those that the goal names first, then the
 * others in their order, as long as `chars` last. What was left out is said.
 */
export async function fileParts(
  environment: Environment,
  goal: string,
  chars: number,
  signal: AbortSignal,
): Promise<string[]> {
  const paths = (await listPaths({ environment, signal }, '.')).filter((path) => !made.test(path));
  const named = (path: string) => goal.includes(path) || goal.includes(path.slice(path.lastIndexOf('/') + 1));
  const ordered = [...paths.filter(named), ...paths.filter((path) => !named(path))];
  const parts: string[] = [];
  let left = chars;
  let leftOut = Math.max(0, ordered.length - maxFiles);
  for (const path of ordered.slice(0, maxFiles)) {
    const text = left < 200 ? null : await textOf(environment, path, Math.min(left, maxFileBytes), signal);
    if (text === null) leftOut += 1;
    else {
      parts.push(quoted('file', { path }, text));
      left -= text.length;
    }
  }
  if (leftOut > 0) parts.push(`${leftOut} files are not shown: binary, generated, or without room here.`);
  return parts;
}

async function textOf(
  environment: Environment,
  path: string,
  most: number,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    const bytes = await readWhole({ environment, signal }, `./${path}`, most);
    return bytes.includes(0) ? null : withoutCodes(decode(bytes));
  } catch (error) {
    if (error instanceof Refused) return null;
    throw error;
  }
}
