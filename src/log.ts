import type { LogLevel } from './config';
import { logLevels } from './config';

/** Writes one JSON line an entry to standard error. Never given secrets or foreign text that was not bounded. */
export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** A log that writes what is at least as grave as `level`. JSON escapes control characters, so a line stays a line. */
export function openLog(
  level: LogLevel,
  write = (line: string): void => void process.stderr.write(line),
): Log {
  const threshold = logLevels.indexOf(level);
  const at =
    (name: LogLevel) =>
    (message: string, fields: Record<string, unknown> = {}): void => {
      if (logLevels.indexOf(name) < threshold) return;
      write(
        `${JSON.stringify({ time: new Date().toISOString(), level: name, message, ...readable(fields) })}\n`,
      );
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** Errors have no enumerable fields: say their name, message and stack. */
function readable(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      value instanceof Error ? { name: value.name, message: value.message, stack: value.stack } : value,
    ]),
  );
}
