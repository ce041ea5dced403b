import { type Static, type TObject, type TSchema, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { Environment } from '../environment';
import type { Journal } from '../journal';
import type { ToolSpec } from '../model';
import { oneLine } from './text';

/** What a tool works with. Files are reached through the environment only, so that tools obey the same walls. */
export interface ToolContext {
  environment: Environment;
  journal: Pick<Journal, 'planned' | 'progress' | 'emit'>;
  signal: AbortSignal;
  /** A command's output as it comes. */
  onOutput(stream: 'stdout' | 'stderr', text: string): void;
}

export interface ToolResult {
  ok: boolean;
  /** What the model is told; already cut to fit. */
  output: string;
  exit_code?: number | null;
  truncated: boolean;
  /** Ends the work: the summary for the person who asked. */
  finished?: string;
}

/** Something the model may do. */
export interface Tool {
  readonly spec: ToolSpec;
  /** May change files of the workspace; such tools are not offered in a dry run. */
  readonly changesFiles: boolean;
  /** One line for people: what this call does. */
  title(args: Record<string, unknown>): string;
  /** Never rejects for what the model asked; @throws AbortError, Fenced and what the environment throws. */
  run(args: Record<string, unknown>, context: ToolContext): Promise<ToolResult>;
}

/** Ends a tool with an answer that says what was wrong with the call. */
export class Refused extends Error {
  override name = 'Refused';
}

interface Definition<S extends TObject> {
  name: string;
  description: string;
  parameters: S;
  changesFiles: boolean;
  title(args: Static<S>): string;
  run(args: Static<S>, context: ToolContext): Promise<ToolResult>;
}

/** Makes a tool of one schema: what the model is told, and what its arguments are held to. */
export function defineTool<S extends TObject>(definition: Definition<S>): Tool {
  const { name, description, parameters, changesFiles } = definition;
  return {
    spec: { name, description, parameters: JSON.parse(JSON.stringify(parameters)) },
    changesFiles,
    title(args) {
      const read = readArguments(parameters, args);
      return oneLine('error' in read ? name : definition.title(read.args));
    },
    async run(args, context) {
      const read = readArguments(parameters, args);
      if ('error' in read) return refusal(`${name}: ${read.error}`);
      try {
        return await definition.run(read.args, context);
      } catch (error) {
        if (error instanceof Refused) return refusal(error.message);
        throw error;
      }
    },
  };
}

/** An object that takes no other properties than these. */
export function object<P extends Parameters<typeof Type.Object>[0]>(properties: P) {
  return Type.Object(properties, { additionalProperties: false });
}

export function answer(output: string, truncated = false): ToolResult {
  return { ok: true, output, truncated };
}

function refusal(output: string): ToolResult {
  return { ok: false, output, truncated: false };
}

function readArguments<S extends TObject>(
  schema: S,
  given: Record<string, unknown>,
): { args: Static<S> } | { error: string } {
  // Many models send null for an optional argument that they leave out.
  const args = Object.fromEntries(
    Object.entries(given).filter(([key, value]) => value !== null || schema.required?.includes(key)),
  );
  // No file, program or shell takes one, and starting a process with one throws.
  if (holdsNul(args)) return { error: 'the arguments hold a NUL character' };
  if (Value.Check(schema, args)) return { args };
  const known = Object.keys(schema.properties);
  const unknown = Object.keys(args).filter((key) => !known.includes(key));
  if (unknown.length > 0) {
    return { error: `there is no argument ${quoted(unknown)}; the arguments are ${quoted(known)}` };
  }
  const missing = (schema.required ?? []).filter((key) => !(key in args));
  if (missing.length > 0) return { error: `the argument ${quoted(missing)} is missing` };
  const first = Value.Errors(schema, args).First();
  const where = first?.path.slice(1).replaceAll('/', '.') ?? '';
  const choices: unknown[] = (first?.schema.anyOf ?? []).flatMap((one: TSchema) =>
    'const' in one ? [one.const] : [],
  );
  const wanted =
    choices.length > 0
      ? `expected one of ${choices.join(', ')}`
      : (first?.message.toLowerCase() ?? 'not valid');
  return { error: `the argument "${where}" is wrong: ${wanted}` };
}

function holdsNul(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('\0');
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsNul);
}

function quoted(names: string[]): string {
  return names
    .slice(0, 12)
    .map((name) => `"${oneLine(name, 40)}"`)
    .join(', ');
}
