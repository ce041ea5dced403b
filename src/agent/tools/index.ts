import { applyPatch } from './apply_patch';
import { editFile } from './edit_file';
import { finish } from './finish';
import { listFiles } from './list_files';
import { readFile } from './read_file';
import { reportProgress } from './report_progress';
import { runCommand } from './run_command';
import { search } from './search';
import type { Tool } from './tool';
import { writeFile } from './write_file';
import { writePlan } from './write_plan';

/** Everything that a model may do. */
export const tools: readonly Tool[] = [
  listFiles,
  search,
  readFile,
  editFile,
  writeFile,
  applyPatch,
  runCommand,
  writePlan,
  reportProgress,
  finish,
];

/** What is offered: in a dry run only what changes nothing; nor can work end whose plan is to be approved first. */
export function offered(dryRun: boolean, planning = false): readonly Tool[] {
  if (planning) return tools.filter((tool) => !tool.changesFiles && tool !== finish);
  return dryRun ? tools.filter((tool) => !tool.changesFiles) : tools;
}
