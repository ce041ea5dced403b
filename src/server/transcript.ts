import type { Run } from '../core/contract';
import type { Database } from '../core/db';
import { listEvents } from '../core/event';
import { toOutput } from '../core/output';

const pageEvents = 200;

/**
 * A run as plain text, in reading order: its own events first, then each variation's. Read page by page as it is
 * sent, so that a long run costs little memory.
 */
export function readTranscript(database: Pick<Database, 'sql'>, run: Run): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const text = tell(database, run);
  return new ReadableStream({
    async pull(controller) {
      const next = await text.next();
      if (next.done) controller.close();
      else controller.enqueue(encoder.encode(next.value));
    },
    async cancel() {
      await text.return(undefined);
    },
  });
}

async function* tell(database: Pick<Database, 'sql'>, run: Run): AsyncGenerator<string, undefined> {
  yield `Run ${run.id}: ${plain(run.name)}\nProject: ${plain(run.project)}\nStatus: ${run.status}\nBase: ${run.base_sha ?? run.base ?? 'default branch'}\n\nGoal:\n${plain(run.goal)}\n`;
  for (const { position, agent, status } of run.variations) {
    yield `\n=== Variation ${position}: ${plain(agent.name)} (${plain(agent.model)}), ${status} ===\n\n`;
    let after = 0;
    for (;;) {
      const events = await listEvents(database, run.id, { after, limit: pageEvents, variations: [position] });
      let page = '';
      let before = '';
      for (const event of events) {
        const output = toOutput(event, new Map());
        if (!output) continue;
        // Streamed parts of one text follow each other without a break.
        const streamed =
          event.type === 'agent.message' || event.type === 'agent.thinking' || event.type === 'tool.output';
        const joins = streamed && before === event.type;
        page += joins
          ? plain(output.content)
          : `\n[${output.timestamp}] ${event.type}\n${plain(output.content)}`;
        before = event.type;
      }
      if (page !== '') yield `${page}\n`;
      if (events.length < pageEvents) break;
      after = events.at(-1)?.seq ?? after;
    }
  }
  return undefined;
}

/** Without terminal codes: a transcript is read in terminals. */
function plain(text: string): string {
  return text.replace(terminalCodes, '').replace(controls, '');
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const terminalCodes = /\u001b\[[0-?]*[ -/]*[@-~]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
