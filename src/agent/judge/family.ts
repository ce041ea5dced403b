/** A model's family: its maker. By what its name has as a word, the more telling first: a distilled Llama is not Meta's. */
const families: readonly (readonly [maker: string, words: RegExp])[] = [
  ['deepseek', /deepseek/],
  ['anthropic', /claude|opus|sonnet|haiku/],
  ['openai', /gpt|codex|davinci|(?<![a-z0-9])o[1-9](?![a-z0-9])/],
  ['mistral', /mistral|mixtral|ministral|magistral|codestral|devstral|pixtral/],
  ['google', /gemini|gemma|palm/],
  ['alibaba', /qwen|qwq|qvq/],
  ['nvidia', /nemotron/],
  ['meta', /llama/],
  ['xai', /grok/],
  ['microsoft', /(?<![a-z])phi(?![a-z])/],
  ['cohere', /command-?[ar]|cohere|(?<![a-z])aya(?![a-z])/],
  ['zhipu', /glm/],
  ['moonshot', /kimi|moonshot/],
  ['ibm', /granite/],
  ['minimax', /minimax/],
  ['amazon', /(?<![a-z])nova(?![a-z])|titan/],
  ['ai2', /olmo|tulu/],
  ['bigcode', /starcoder/],
];

export interface Named {
  provider: string;
  model: string;
}

/** The maker of a model; of one that is not known, its provider and the first word of its name. */
export function familyOf({ provider, model }: Named): string {
  const name = baseName(model);
  const known = families.find(([, words]) => words.test(name));
  return known?.[0] ?? `${provider}:${/^[a-z]*/.exec(name)?.[0] || name}`;
}

/** What a model is commonly called, in parts: `claude` and `opus`, `qwen`; nothing when its maker is not known. */
export function familyWords(model: string): string[] {
  const name = baseName(model);
  const known = families.find(([, words]) => words.test(name));
  return known ? [...name.matchAll(new RegExp(known[1], 'g'))].map(([found]) => found) : [];
}

/**
 * The judge for works of these authors: the first of another family than all of theirs, for models prefer what is like
 * their own; else the first, which is said by `same_family`. Null when there is none.
 */
export function pickJudge<J extends Named>(
  judges: readonly J[],
  authors: readonly Named[],
): { judge: J; same_family: boolean } | null {
  const theirs = new Set(authors.map(familyOf));
  const stranger = judges.find((one) => !theirs.has(familyOf(one)));
  if (stranger) return { judge: stranger, same_family: false };
  return judges[0] ? { judge: judges[0], same_family: true } : null;
}

/** Without what routers put before it: `meta-llama/llama-3`, `anthropic/claude…`. */
function baseName(model: string): string {
  return (model.toLowerCase().split('/').at(-1) ?? '').trim();
}
