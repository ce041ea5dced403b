import type { Judge } from '../../../src/agent/judge/judge';
import type { Work } from '../../../src/agent/judge/material';
import type { Model, ModelRequest } from '../../../src/agent/model';
import { makeModel } from '../../../src/agent/models';
import type { JudgeAnswer } from '../../../src/core/opinion';
import { profile } from '../models/setup';

export const task = { goal: 'Stream the CSV export.', instructions: null };

export const diff = `diff --git a/src/csv.ts b/src/csv.ts
index 1111111..2222222 100644
--- a/src/csv.ts
+++ b/src/csv.ts
@@ -10,5 +10,6 @@ export function csv(rows: Row[]) {
   const out = open();
-  return rows.map(csvLine).join("\\n");
+  for await (const row of rows) {
+    yield csvLine(row);
+  }
   close(out);
 }
diff --git a/README.md b/README.md
--- a/README.md
+++ b/README.md
@@ -1 +1,2 @@
 # Ledger
+Exports are streamed.
`;

export const work = (text: string, kind: Work['kind'] = 'diff'): Work => ({ kind, text });

export type Recording = Judge & { answers: Map<string, JudgeAnswer>; told: JudgeAnswer[] };

/** A judge whose answers are kept as they come, as a caller with a record would. */
export function recording(model: Model, change: Partial<Judge> = {}): Recording {
  const answers = new Map<string, JudgeAnswer>();
  const told: JudgeAnswer[] = [];
  const onAnswer = (answer: JudgeAnswer): void => {
    told.push(answer);
    answers.set(answer.key, answer);
  };
  return { model, signal: new AbortController().signal, onAnswer, answers, told, ...change } as Recording;
}

/** The scripted model, which says these texts to one conversation, and the last for ever. */
export function saying(...texts: unknown[]): Model {
  const turns = texts.map((text) => ({ text: typeof text === 'string' ? text : JSON.stringify(text) }));
  return makeModel(profile({ scenario: { turns, after: 'repeat-last' } }), { modelTimeoutS: 30 });
}

export interface Thinker extends Model {
  requests: ModelRequest[];
}

/** A model that answers by what it is asked. */
export function thinking(answer: (prompt: string, request: ModelRequest) => unknown): Thinker {
  const requests: ModelRequest[] = [];
  return {
    ...{ provider: 'scripted', name: 'thinker', contextTokens: 100_000, maxTokens: 1000, requests },
    async respond(request) {
      requests.push(request);
      const said = await answer(request.messages.map((message) => message.text).join('\n'), request);
      return {
        message: {
          role: 'assistant',
          text: typeof said === 'string' ? said : JSON.stringify(said),
          tool_calls: [],
        },
        finish_reason: 'stop',
        usage: { input_tokens: 100, output_tokens: 10, cached_tokens: 0, reasoning_tokens: 0 },
        ...{ cost_usd: 0.01, latency_ms: 5, provider: 'scripted', model: 'thinker' },
      };
    },
  };
}

/** What a part of a prompt holds. */
export function part(prompt: string, name: string): string {
  return new RegExp(`<(${name}_[0-9a-f]{16})>\\n([\\s\\S]*?)\\n</\\1>`).exec(prompt)?.[2] ?? '';
}
