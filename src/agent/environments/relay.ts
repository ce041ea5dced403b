/**
 * Runs inside the sandbox, where there is no network but a loopback of its own: takes connections there and hands each
 * on to the proxy's socket, byte for byte. Imports nothing but what Bun brings, since it is started for every command.
 * Says `ready` when it listens, then closes its standard output.
 */
import { closeSync, writeSync } from 'node:fs';
import type { Socket } from 'bun';

/** One end of a connection. */
interface End {
  other: Socket<End> | null;
  /** Bytes for it that did not fit yet. */
  waiting: Uint8Array[];
  /** What is done when nothing waits any more: the other end has said all, or is gone. */
  last: 'shutdown' | 'end' | null;
}

const [path = '', port = ''] = process.argv.slice(2);

const handlers = {
  data(from: Socket<End>, bytes: Uint8Array) {
    const to = from.data.other;
    // Stops reading where the other end does not keep up, so that nothing grows here.
    if (to !== null && !send(to, bytes)) from.pause();
  },
  drain(to: Socket<End>) {
    const waiting = to.data.waiting.splice(0);
    if (waiting.length > 0 && !send(to, Buffer.concat(waiting))) return;
    finish(to);
    to.data.other?.resume();
  },
  end(from: Socket<End>) {
    leave(from, 'shutdown');
  },
  close(from: Socket<End>) {
    leave(from, 'end');
  },
  error(from: Socket<End>) {
    from.terminate();
  },
};

/** Whether all of it went out. */
function send(to: Socket<End>, bytes: Uint8Array): boolean {
  const sent = to.data.waiting.length > 0 ? 0 : Math.max(0, to.write(bytes));
  if (sent < bytes.length) to.data.waiting.push(bytes.slice(sent));
  return sent === bytes.length;
}

function leave(from: Socket<End>, last: 'shutdown' | 'end'): void {
  const to = from.data.other;
  if (to === null) return;
  to.data.last = last;
  finish(to);
}

function finish(one: Socket<End>): void {
  if (one.data.waiting.length > 0 || one.data.last === null) return;
  if (one.data.last === 'end') one.end();
  else one.shutdown();
}

Bun.listen<End>({
  hostname: '127.0.0.1',
  port: Number(port),
  allowHalfOpen: true,
  socket: {
    ...handlers,
    open(from) {
      from.data = { other: null, waiting: [], last: null };
      from.pause();
      Bun.connect<End>({
        unix: path,
        allowHalfOpen: true,
        data: { other: from, waiting: [], last: null },
        socket: {
          ...handlers,
          open(to) {
            from.data.other = to;
            from.resume();
          },
        },
      }).catch(() => from.terminate());
    },
  },
});
writeSync(1, 'ready');
closeSync(1);
