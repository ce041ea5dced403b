import { createConnection, createServer, type Socket } from 'node:net';

/** A TCP port on loopback that leads to a unix socket, for what can only be named by host and port. */
export async function openPort(unixSocket: string): Promise<{ port: number; close(): void }> {
  const open = new Set<Socket>();
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
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
