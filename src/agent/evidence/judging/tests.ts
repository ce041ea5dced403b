const code =
  '(?:[cm]?[jt]sx?|py|go|rb|rs|java|kts?|scala|groovy|cs|fs|vb|php|swift|cc?|cpp|cxx|h|hpp|mm?|dart|exs?|erl|hs|clj[cs]?|lua|pl|sh|bash|ps1|sql|vue|svelte|r|jl|nim|zig|ml|elm)';

/** How the usual languages call a file of tests. */
const names: RegExp[] = [
  // a.test.ts, a_test.go, a-test.js, a_spec.rb, a_unittest.cc; test_a.py; test.sh, tests.py.
  new RegExp(`[._-](?:tests?|specs?|e2e|cy|unittest|test-d)\\.${code}$`, 'i'),
  new RegExp(`^tests?[._-].*\\.${code}$`, 'i'),
  new RegExp(`^(?:tests?|spec)(?:\\.${code})?$`, 'i'),
  // ATest.java, ATests.cs, ASpec.scala, AIT.java, TestA.java.
  /\w(?:Tests?|TestCase|Specs?)\.(?:java|kts?|scala|groovy|cs|fs|vb|php|swift|mm?|hs|cc|cpp|ts|js)$/,
  /\w(?:IT|ITCase)\.(?:java|kt|scala|groovy)$/,
  /^Test[A-Z]\w*\.(?:java|kt|groovy|cs|swift)$/,
  /_SUITE\.erl$/,
  // A link of such a name is the whole folder.
  /^__(?:tests|mocks|snapshots|fixtures)__$/,
  /\.(?:snap|bats|t|feature|golden)$/,
];

/** Whole names of folders, and the ends and beginnings of such as `api-tests`, `App.UnitTests`, `src/androidTest`. */
const folders: RegExp[] = [
  /^(?:tests?|specs?|e2e|cypress|testdata|__(?:tests|mocks|snapshots|fixtures)__)$/i,
  /[._-](?:tests?|specs?|e2e)$/i,
  /[a-z0-9](?:Tests?|Specs?)$/,
  /^tests?[._-]/i,
];

/** Why a path is one of a test, or of what belongs to tests (fixtures, snapshots); null when it is neither. */
export function testReason(path: string): string | null {
  const parts = path.split('/');
  const name = parts.pop() ?? '';
  const folder = parts.find((part) => folders.some((pattern) => pattern.test(part)));
  if (folder !== undefined) return `in a folder of tests, ${folder}/`;
  return names.some((pattern) => pattern.test(name)) ? 'a test, by its name' : null;
}
