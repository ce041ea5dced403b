import { decode } from './environment';
import { git } from './git';

const maxPatchBytes = 64 * 2 ** 20;

/**
 * Why a patch is refused by its text alone, before git sees it; empty when nothing is wrong. Content lines of a patch
 * start with a space, a sign or a letter and a code without spaces, so a line that starts like a header is one.
 */
export function screenPatch(patch: Uint8Array): string[] {
  if (patch.length > maxPatchBytes) return [`The patch is larger than ${maxPatchBytes / 2 ** 20} MiB.`];
  const text = Buffer.from(patch.buffer, patch.byteOffset, patch.byteLength).toString('latin1');
  const reasons = new Set<string>();
  if (/^(?:(?:new file|deleted file|old|new) mode|index [0-9a-f]+\.\.[0-9a-f]+) 160000\r?$/m.test(text)) {
    reasons.add('The patch changes a submodule (mode 160000).');
  }
  for (const [, quoted] of text.matchAll(/^(?:rename|copy) (?:from|to) (.*)$/gm)) {
    const reason = pathReason(unquote(quoted ?? ''));
    if (reason) reasons.add(reason);
  }
  return [...reasons];
}

/**
 * Why what became of the base is refused: git's own account of it, not a reading of the patch, so that no trick of
 * spelling comes between.
 */
export async function screenTree(
  mirror: string,
  base: string,
  tree: string,
  signal?: AbortSignal,
): Promise<string[]> {
  const args = ['diff-tree', '-r', '-z', '--raw', '--no-renames', '--full-index', base, tree];
  const fields = Buffer.from(await git(mirror, args, { signal, maxOutputBytes: 256 * 2 ** 20 }))
    .toString('latin1')
    .split('\0');
  const reasons = new Set<string>();
  const links: { path: string; blob: string }[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [oldMode = '', newMode = '', , blob = ''] = (fields[at] ?? '').slice(1).split(' ');
    const path = fields[at + 1] ?? '';
    const reason = pathReason(path);
    if (reason) reasons.add(reason);
    if (oldMode === '160000' || newMode === '160000') reasons.add(`${show(path)} is a submodule.`);
    else if (!['000000', '100644', '100755', '120000'].includes(newMode)) {
      reasons.add(`${show(path)} has the mode ${newMode}.`);
    }
    if (newMode === '120000') links.push({ path, blob });
  }
  for (const { path, blob } of links.slice(0, 1000)) {
    const target = Buffer.from(await git(mirror, ['cat-file', 'blob', blob], { signal })).toString('latin1');
    const reason = linkReason(path, target);
    if (reason) reasons.add(reason);
  }
  if (links.length > 1000) reasons.add('The patch makes more than 1000 symbolic links.');
  return [...reasons];
}

function pathReason(path: string): string | null {
  if (path.startsWith('/')) return `${show(path)} is an absolute path.`;
  for (const part of path.split(/[/\\]/)) {
    if (part === '..') return `${show(path)} leaves the repository.`;
    if (isDotGit(part)) return `${show(path)} lies in .git, in one of its spellings.`;
    if (isDotGit(part, 'modules')) return `${show(path)} configures submodules.`;
  }
  return null;
}

/**
 * A link may go up first and then down, within the tree. Up again after down could go through another link, and then
 * leaves where its text does not.
 */
function linkReason(path: string, target: string): string | null {
  const outside = `${show(path)} is a link that leaves the repository.`;
  if (target === '' || target.startsWith('/') || target.includes('\0')) return outside;
  const parts = target.split('/').filter((part) => part !== '' && part !== '.');
  const up = parts.findIndex((part) => part !== '..');
  const ups = up === -1 ? parts.length : up;
  if (ups > path.split('/').length - 1 || parts.slice(ups).includes('..')) return outside;
  if (parts.some((part) => isDotGit(part))) return `${show(path)} is a link into .git.`;
  return null;
}

/** Code points that HFS+ leaves out of names, as UTF-8 read byte for byte: U+200C–200F, 202A–202E, 2060–206F, FEFF; and U+200B, 00AD. */
const invisible = /\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa0-\xaf]|\xef\xbb\xbf|\xc2\xad/g;

/** Whether some file system takes this name for `.git` (or `.gitmodules`): case, HFS+ and NTFS spellings included. */
function isDotGit(name: string, rest: '' | 'modules' = ''): boolean {
  const plain = name
    .replace(invisible, '')
    .toLowerCase()
    .replace(/:.*$/, '')
    .replace(/[. ]+$/, '');
  if (plain === `.git${rest}`) return true;
  return rest === '' ? /^git~\d+$/.test(plain) : /^(gitmod~\d+|gi7eba~\d+)$/.test(plain);
}

/** A path in a header of a patch: C-quoted when it has anything unusual. Read as bytes. */
function unquote(path: string): string {
  const inner = path.match(/^"(.*)"\r?$/)?.[1];
  if (inner === undefined) return path;
  return inner.replace(/\\([0-7]{1,3}|.)/g, (_, code: string) =>
    /^[0-7]/.test(code) ? String.fromCharCode(Number.parseInt(code, 8)) : code,
  );
}

function show(path: string): string {
  const text = decode(Buffer.from(path, 'latin1')).slice(0, 200);
  return JSON.stringify(text);
}
