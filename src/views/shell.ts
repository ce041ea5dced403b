import type { Agent, Health, Project } from '../core/contract';

export const themes = ['light', 'dark'] as const;
export type Theme = (typeof themes)[number];

/** Addresses of the served files, each with its content's hash. */
export interface AssetPaths {
  css: string;
  htmx: string;
  sse: string;
  keys: string;
}

/** What every page needs besides its own matter. */
export interface Shell {
  /** Null where it cannot or must not be told: on error pages. */
  health: Health | null;
  /** Null follows the system. */
  theme: Theme | null;
  assets: AssetPaths;
  now: Date;
  projects: readonly Pick<Project, 'name'>[];
  agents: readonly Pick<Agent, 'name' | 'model' | 'provider'>[];
  /** The agent that a run gets when none is named; null when one has to be. */
  defaultAgent: string | null;
  /** The page's own address, to come back to. */
  path: string;
}
