import { createConnection, createServer, type Socket } from 'node:net';

export interface Port {
  port: number;
  /** Ends all connections that are open; new ones are taken. */
  cut(): void;
  /** The next answer that holds `text` is lost, and its connection with it: it was done, and nobody was told. */
  loseAnswer(text: string): void;
  /** How many answers were lost so. */
  readonly lost: number;
  close(): void;
}

/**
 * A TCP port on loopback that leads to a unix socket, for what can only be named by host and port, and for connections
 * that break.
 */
export async function openPort(unixSocket: string): Promise<Port> {
  const open = new Set<Socket>();
  let losing: string | null = null;
  let lost = 0;
  const server = createServer((near) => {
    const far = createConnection(unixSocket);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
      if (one === near) one.pipe(other);
    }
    far.on('data', (chunk) => {
      if (losing === null || !chunk.includes(losing)) return void near.write(chunk);
      losing = null;
      lost += 1;
      near.destroy();
    });
    far.on('end', () => near.end());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const cut = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    port: address.port,
    cut,
    loseAnswer: (text) => {
      losing = text;
    },
    get lost() {
      return lost;
    },
    close: () => {
      server.close();
      cut();
    },
  };
}
