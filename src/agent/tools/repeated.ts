import type { ToolCall } from '../../core/conversation';
import type { ToolResult } from './tool';

/** Failures of the same call before the model is told. */
const limit = 4;
const remembered = 200;

/**
 * Watches for a call that fails in the same way again and again. A successful edit wipes the slate: running the tests
 * once more after it is no repetition.
 */
export function repetitions() {
  const failed = new Map<number | bigint, number>();
  return {
    /** Takes note of a call; the words for the model when it was made too often. */
    note(call: ToolCall, result: ToolResult, changesFiles: boolean): string | null {
      const key = Bun.hash(JSON.stringify([call.name, call.arguments ?? call.raw ?? null]));
      if (result.ok) {
        if (changesFiles && call.name !== 'run_command') failed.clear();
        else failed.delete(key);
        return null;
      }
      const times = (failed.get(key) ?? 0) + 1;
      if (failed.size >= remembered) failed.clear();
      failed.set(key, times);
      if (times < limit) return null;
      return (
        `[This same call has now failed ${times} times, with nothing edited in between. Do not make it again: find out ` +
        'why it fails, try another way, or finish and say what cannot be done.]'
      );
    },
  };
}
