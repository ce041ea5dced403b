import { applyEdits } from './apply';

/** One case as JSON on standard input, the answer on standard output; with `--batch` one of each a line. */
interface Case {
  id?: string;
  files: Record<string, string>;
  patch: string;
  symlinks?: Record<string, string>;
}

async function main(): Promise<void> {
  const text = await Bun.stdin.text();
  const cases = Bun.argv.includes('--batch') ? text.split('\n').filter((line) => line.trim() !== '') : [text];
  const write = Bun.stdout.writer();
  for (const one of cases) {
    write.write(`${JSON.stringify(answer(one))}\n`);
    await write.flush();
  }
  await write.end();
}

function answer(text: string): unknown {
  let given: Case;
  try {
    given = read(JSON.parse(text));
  } catch (error) {
    return { ok: false, error: `not a case: ${error instanceof Error ? error.message : String(error)}` };
  }
  const { id, files, patch, symlinks = {} } = given;
  const result = applyEdits(files, patch, { barred: Object.keys(symlinks), paths: Object.keys(symlinks) });
  const named = id === undefined ? {} : { id };
  if (!result.ok) return { ...named, ok: false, error: result.error.message, reason: result.error.reason };
  return { ...named, ok: true, files: result.files, report: result.report };
}

function read(value: unknown): Case {
  if (typeof value !== 'object' || value === null) throw new TypeError('an object is wanted');
  const { id, files, patch, symlinks } = value as Record<string, unknown>;
  if (typeof patch !== 'string') throw new TypeError('"patch" is not a text');
  if (!texts(files) || (symlinks !== undefined && !texts(symlinks)))
    throw new TypeError('"files" is not an object of texts');
  return {
    ...(typeof id === 'string' ? { id } : {}),
    files,
    patch,
    ...(symlinks === undefined ? {} : { symlinks }),
  };
}

function texts(value: unknown): value is Record<string, string> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((text) => typeof text === 'string')
  );
}

await main();
