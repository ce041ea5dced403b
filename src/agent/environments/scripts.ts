/**
 * Settings of our own repository beside the work tree, and attributes that outrank every `.gitattributes`: files go in
 * and out byte for byte. Line ends, filters, encodings and drivers of the repository (or of the agent) can then neither
 * change a patch nor keep one from being made.
 */
const raw = `
printf '%s\\n' '* -text !eol !crlf -ident -filter !working-tree-encoding !diff !merge !whitespace' >"$GIT_DIR/info/attributes"
`;

/** What every script with our repository is given: $1 our repository, $2 the work tree, $3 the base commit, $4 the mirror's objects. */
export const variables = `
export GIT_DIR="$1" GIT_WORK_TREE="$2" BASE="$3" OBJECTS="$4" HOME=/nonexistent LC_ALL=C
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_ATTR_NOSYSTEM=1 GIT_NO_REPLACE_OBJECTS=1
export GIT_TERMINAL_PROMPT=0 GIT_LITERAL_PATHSPECS=1
`;

/** One repository at $GIT_DIR that borrows $OBJECTS; made by hand, which no template and no version of git colours. */
const repository = `
mkdir -p "$GIT_DIR/objects/info" "$GIT_DIR/objects/pack" "$GIT_DIR/refs/heads" "$GIT_DIR/info"
printf '%s\\n' "$OBJECTS" >"$GIT_DIR/objects/info/alternates"
printf 'ref: refs/heads/bakeoff\\n' >"$GIT_DIR/HEAD"
printf '%s\\n' "$BASE" >"$GIT_DIR/refs/heads/bakeoff"
case $BASE in ?????????????????????????????????????????*) version=1 format='[extensions]
	objectFormat = sha256' ;; *) version=0 format= ;; esac
${raw}`;

const config = `[core]
	repositoryFormatVersion = $version
	fileMode = true
	symlinks = true
	ignoreCase = false
	autocrlf = false
	quotePath = true`;

/**
 * Checks $BASE out, then gives the agent a repository of its own, \`.git\`, with a copy of the index. Ours forgets
 * submodules, so that git never looks into one: what the agent has put there could make it run programs.
 */
export const openScript = `set -e
${variables}umask 022
${repository}
cat >"$GIT_DIR/config" <<CONFIG
${config}
	bare = false
	fsmonitor = false
	untrackedCache = false
	splitIndex = false
	hooksPath = /dev/null
	excludesFile = /dev/null
	attributesFile = /dev/null
	bigFileThreshold = 64m
	compression = 1
	looseCompression = 0
[checkout]
	workers = 2
[gc]
	auto = 0
[index]
	version = 2
$format
CONFIG
git cat-file -e "$BASE^{commit}" 2>/dev/null || { echo "the mirror has no commit $BASE" >&2; exit 1; }
git read-tree -m -u "$BASE"
index=$GIT_DIR/index
ours=$GIT_DIR
export GIT_DIR="$GIT_WORK_TREE/.git"
${repository}
cat >"$GIT_DIR/config" <<CONFIG
${config}
	bare = false
	logAllRefUpdates = true
[user]
	name = agent
	email = agent@bakeoff.invalid
[gc]
	auto = 0
[advice]
	detachedHead = false
$format
CONFIG
cp -p "$index" "$GIT_DIR/index"
export GIT_DIR="$ours"
git ls-files -s -z | LC_ALL=C grep -z '^160000 ' >"$GIT_DIR/submodules" || true
if [ -s "$GIT_DIR/submodules" ]; then
  sed -z 's/^[^\\t]*\\t//' "$GIT_DIR/submodules" | git update-index -z --force-remove --stdin
fi
`;

/** Lays the patch on standard input over the work tree. */
export const applyScript = `${variables}git apply --binary --whitespace=nowarn -`;

/**
 * Prints numstat, NUL-terminated, one NUL more, then the patch of the work tree against $BASE. What git cannot read is
 * made readable first. A repository that the agent has made inside counts by its files: once git knows one of them it
 * goes through the folder as through any other; so there is one more round for each level of nesting.
 */
export const snapshotScript = `set -e
${variables}umask 022
if [ -e "$GIT_DIR/index.lock" ]; then rm -f "$GIT_DIR/index.lock"; fi
full() {
  case $said in
    *'No space left on device'* | *'Disk quota exceeded'* | *'nable to write'*) printf '%s\\n' "$said" >&2; exit 1 ;;
  esac
}
add() {
  # Kept in memory: on a full disk there is no file that could hold what git says of it.
  if said=$(git add -A 2>&1); then return; fi
  full
  find . -path ./.git -prune -o ! -type l ! -perm -u+r -exec chmod u+rwX {} + 2>/dev/null || true
  find . -path ./.git -prune -o -type d ! -perm -u+rwx -exec chmod u+rwx {} + 2>/dev/null || true
  said=$(git add -A --ignore-errors 2>&1) || full
}
paths() { sed -z 's/^[^\\t]*\\t//'; }
forget() { git update-index -z --force-remove --stdin; }
for round in 1 2 3 4; do
  add
  # Git says something of every repository that it meets here for the first time, and else nothing.
  if [ -z "$said" ]; then break; fi
  git ls-files -s -z | LC_ALL=C grep -z '^160000 ' | paths >"$GIT_DIR/nested"
  git ls-files -o -z --directory --no-empty-directory --exclude-standard | LC_ALL=C grep -z '/$' >>"$GIT_DIR/nested" || true
  if [ ! -s "$GIT_DIR/nested" ]; then break; fi
  forget <"$GIT_DIR/nested"
  if [ $round = 4 ]; then break; fi
  xargs -0 -r -n 1 sh -c 'if cd "./$1"; then
    GIT_INDEX_FILE=$GIT_DIR/none GIT_WORK_TREE=. git ls-files -o -z --exclude-per-directory=.gitignore |
      LC_ALL=C grep -zv "/$" | git update-index --add -z --stdin
  fi' sh <"$GIT_DIR/nested" 2>/dev/null || true
done
if [ -s "$GIT_DIR/submodules" ]; then git update-index -z --index-info <"$GIT_DIR/submodules"; fi
diff="git diff --cached --full-index --no-renames --no-ext-diff --no-textconv --no-color --ignore-submodules=all"
diff="$diff --no-indent-heuristic --diff-algorithm=myers --src-prefix=a/ --dst-prefix=b/"
$diff --numstat -z "$BASE" --
printf '\\0'
$diff --binary "$BASE" --
if [ -s "$GIT_DIR/submodules" ]; then paths <"$GIT_DIR/submodules" | forget; fi
`;
