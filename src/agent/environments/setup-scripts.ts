import { variables } from './scripts';

/**
 * Prints the names, NUL-terminated, of what the patch has changed, and makes its new files known to our repository: what
 * it tracks is never hidden by the list of what set-up made.
 */
export const touchedScript = `set -e
${variables}
git diff-files --name-only -z
git ls-files -o -z
git add -A
`;

/** Writes down the tree as it is before set-up, every file of it, in an index of its own. */
export const sealScript = `set -e
${variables}
cp "$GIT_DIR/index" "$GIT_DIR/sealed"
export GIT_INDEX_FILE="$GIT_DIR/sealed"
git add -A -f
`;

/** Names of what set-up made that may be hidden from snapshots; beyond that, folders stand for their files. */
export const maxHidden = 2000;

/**
 * Puts back what set-up changed of the sealed tree, and keeps the rest, which it made, in the folder $5: \`exclude\`, and
 * if $7 is not empty \`tree.tar\` and, of the home $6, \`home.tar\`. Exit code 9: too much that nothing ignores.
 *
 * \`exclude\` holds literal patterns. A folder of few files stands there file by file, so that what the agent adds to it
 * counts; of a large one the name alone.
 */
export const keepScript = `set -e
${variables}umask 022
export GIT_INDEX_FILE="$GIT_DIR/sealed"
git checkout-index -f -a -q
count() { tr -cd '\\0' <"$1" | wc -c; }
spread() {
  xargs -0 -r -n 1 sh -c 'case $1 in
    */) if [ "$(find "./$1" ! -type d -print | head -n 201 | wc -l)" -gt 200 ]; then printf "%s\\0" "$1"
      else find "./$1" ! -type d -print0 | LC_ALL=C sed -z "s,^\\./,,"; fi ;;
    *) printf "%s\\0" "$1" ;;
  esac' sh <"$1" >"$2"
  if [ "$(count "$2")" -gt ${maxHidden} ]; then cp "$1" "$2"; fi
}
git ls-files -o -z --directory --exclude-standard >"$GIT_DIR/new"
if [ "$(count "$GIT_DIR/new")" -gt ${maxHidden} ]; then exit 9; fi
git ls-files -o -i -z --directory --exclude-standard | head -z -n ${maxHidden} >"$GIT_DIR/ignored"
spread "$GIT_DIR/new" "$GIT_DIR/new-files"
spread "$GIT_DIR/ignored" "$GIT_DIR/ignored-files"
cat "$GIT_DIR/new-files" "$GIT_DIR/ignored-files" |
  sed -z 's/[][\\\\*?]/\\\\&/g; s/[\\n\\r]/?/g; s/ $/\\\\ /; s,^,/,' | tr '\\0' '\\n' >"$5/exclude"
if [ -z "$7" ]; then exit; fi
# A submodule's own repository lies in the .git of this workspace, which goes with it.
LC_ALL=C sed -z 's/^[^\\t]*\\t//; s,$,/.git,' "$GIT_DIR/submodules" | xargs -0 -r rm -rf --
pack() {
  if tar -cf "$@" 2>/dev/null; then return; fi
  # What cannot be read is made readable rather than lost.
  find . "$6" -path ./.git -prune -o ! -type l ! -perm -u+r -exec chmod u+rwX {} + 2>/dev/null || true
  find . "$6" -path ./.git -prune -o -type d ! -perm -u+rwx -exec chmod u+rwx {} + 2>/dev/null || true
  tar -cf "$@"
}
git ls-files -o -z --directory >"$GIT_DIR/made"
from=$6 to=$5
pack "$to/tree.tar" --null --verbatim-files-from -T "$GIT_DIR/made"
pack "$to/home.tar" -C "$from" .
`;

/**
 * Lays what is kept in the folder $3 into the tree $1 and the home $2; what is there already stays. Never in sight of our
 * repository: a link of the tree may lead anywhere. The agent's own repository hides it, too.
 */
export const layScript = `set -e
umask 022
if [ -e "$3/tree.tar" ]; then
  tar -xpf "$3/tree.tar" -C "$1" --skip-old-files
  tar -xpf "$3/home.tar" -C "$2"
fi
mkdir -p "$1/.git/info"
cat "$3/exclude" >>"$1/.git/info/exclude"
`;

/** Hides from snapshots what the folder $5 lists. */
export const hideScript = `set -e
${variables}
cat "$5/exclude" >>"$GIT_DIR/info/exclude"
`;
