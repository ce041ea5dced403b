/** A check that a stack's files speak for. */
export interface Candidate {
  /** `tests`, `types`, `build` are required; `lint` and `vet` are not. */
  name: 'tests' | 'types' | 'build' | 'lint' | 'vet';
  command: string;
  /** The file that says so. */
  from: string;
}

/** What one language or build tool brings. */
export interface Stack {
  /** Tells its checks from those of another stack. */
  label: string;
  checks: Candidate[];
  setup: { command: string; from: string } | null;
}
