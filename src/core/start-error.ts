import { isAway } from './away';

/** The service cannot start; `message` is one line that says why and what helps. The program ends with exit code 2. */
export class StartError extends Error {
  override name = 'StartError';
}

/** Turns the usual refusals of a file system into one clear line; anything else is thrown on. */
export function explainFileError(error: unknown, path: string): never {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (code === 'EACCES' || code === 'EPERM') {
    throw new StartError(`No permission to write ${path}; choose another folder with BAKEOFF_DATA`);
  }
  if (code === 'EROFS')
    throw new StartError(`${path} is on a read-only disk; choose another folder with BAKEOFF_DATA`);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    throw new StartError(`The disk that holds ${path} is full; free some space`);
  if (code === 'ENOTDIR' || code === 'EEXIST') {
    throw new StartError(
      `${path} cannot be a folder, since a file is in its place; choose another with BAKEOFF_DATA`,
    );
  }
  if (code === 'ENOENT' || code === 'EINVAL' || code === 'ENAMETOOLONG' || code === 'ELOOP') {
    throw new StartError(`${path} cannot be made; choose another folder with BAKEOFF_DATA`);
  }
  throw error;
}

/** A start that was cut off since the database went away meanwhile is no mistake of ours: it is said in one line. */
export function whyNoStart(error: unknown): unknown {
  if (error instanceof StartError || !isAway(error)) return error;
  return new StartError(`The database went away during the start: ${(error as Error).message}; start again`);
}
