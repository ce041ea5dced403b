/**
 * Writes `github.openapi.json` anew: of GitHub's own description, as the package @octokit/openapi ships it, the calls that
 * we make. The whole is half a gigabyte on disk and nothing that every checkout should install. To renew it:
 *
 *     npm pack @octokit/openapi@23.0.2 && tar xzf octokit-openapi-23.0.2.tgz package/generated/api.github.com.json
 *     bun tests/support/excerpt-openapi.ts package/generated/api.github.com.json
 */
import { join } from 'node:path';

const calls = [
  ['get', '/repos/{owner}/{repo}/pulls'],
  ['post', '/repos/{owner}/{repo}/pulls'],
  ['get', '/repos/{owner}/{repo}/pulls/{pull_number}'],
  ['patch', '/repos/{owner}/{repo}/pulls/{pull_number}'],
  ['post', '/repos/{owner}/{repo}/labels'],
  ['post', '/repos/{owner}/{repo}/issues/{issue_number}/labels'],
  ['get', '/repos/{owner}/{repo}/commits/{ref}/check-runs'],
  ['get', '/repos/{owner}/{repo}/commits/{ref}/status'],
] as const;

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Told to people only. */
const prose = /^(description|summary|title|externalDocs|tags|operationId|example|x-.*)$/;

const [file = ''] = process.argv.slice(2);
const whole = await Bun.file(file).json();
const paths: Record<string, Record<string, Json>> = {};
const parts: Record<string, Record<string, Json>> = {};
for (const [method, path] of calls) {
  paths[path] = { ...paths[path], [method]: take(whole.paths[path][method]) };
}
const notice =
  "Taken from GitHub's OpenAPI description, version 2022-11-28, as @octokit/openapi 23.0.2 ships it. " +
  'Copyright GitHub, Inc., and the octokit contributors; MIT licence. Made by tests/support/excerpt-openapi.ts.';
const excerpt = { 'x-notice': notice, openapi: whole.openapi, paths, components: parts };
await Bun.write(join(import.meta.dir, 'github.openapi.json'), JSON.stringify(excerpt));

/** Without prose, and with what it refers to taken along. `inside` is below `properties`, where all names are fields. */
function take(value: Json, inside = false): Json {
  if (Array.isArray(value)) return value.map((one) => take(one));
  if (value === null || typeof value !== 'object') return value;
  if (typeof value.$ref === 'string') follow(value.$ref);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => inside || !prose.test(name))
      .map(([name, one]) => [name, name === 'value' ? one : take(one, name === 'properties')]),
  );
}

function follow(ref: string): void {
  const [, , kind = '', name = ''] = ref.split('/');
  parts[kind] ??= {};
  if (name in parts[kind]) return;
  parts[kind][name] = null;
  parts[kind][name] = take(whole.components[kind][name]);
}
