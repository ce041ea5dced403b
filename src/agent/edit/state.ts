import { clean, type Tree } from './paths';

export interface Options {
  /** Files that are there besides the given ones. Naming one that is to be changed is an error of the caller. */
  paths?: Iterable<string>;
  /** Symbolic links and submodules, by path. */
  barred?: Iterable<string>;
}

export interface Change {
  path: string;
  /** Null: it was not there. */
  before: string | null;
  /** Null: it is gone. */
  after: string | null;
  /** What the patch says of the file's mode. */
  executable: boolean | null;
}

/** The texts that were given, and what they have become; what is given is not changed. */
export class State implements Tree {
  readonly barred: ReadonlySet<string>;
  private readonly given: Map<string, string>;
  private readonly others: ReadonlySet<string>;
  private readonly now = new Map<string, { text: string | null; executable: boolean | null }>();

  constructor(files: Readonly<Record<string, string>>, { paths = [], barred = [] }: Options) {
    this.given = new Map(Object.entries(files));
    this.others = new Set(paths);
    this.barred = new Set([...barred].map(clean));
  }

  has(path: string): boolean {
    const changed = this.now.get(path);
    return changed ? changed.text !== null : this.given.has(path) || this.others.has(path);
  }

  *paths(): Iterable<string> {
    for (const path of new Set([...this.given.keys(), ...this.others, ...this.now.keys()]))
      if (this.has(path)) yield path;
  }

  text(path: string): string {
    const text = this.now.get(path)?.text ?? this.given.get(path);
    if (text === undefined) throw new TypeError(`the text of ${path} was not given`);
    return text;
  }

  set(path: string, text: string | null, executable: boolean | null = null): void {
    this.now.set(path, { text, executable });
  }

  changes(): Change[] {
    return [...this.now]
      .map(([path, { text, executable }]) => ({
        path,
        before: this.given.get(path) ?? null,
        after: text,
        executable,
      }))
      .filter((change) => change.before !== change.after);
  }

  files(): Record<string, string> {
    const all = new Map(this.given);
    for (const [path, { text }] of this.now) {
      if (text === null) all.delete(path);
      else all.set(path, text);
    }
    return Object.fromEntries(all);
  }
}
