/** A way to the platform that can be cut: a TCP relay on loopback, so that a test can lose the network and find it again. */

import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { URL_ } from './browser';

export interface Way {
  url: string;
  /** Ends every connection and refuses new ones. */
  cut: () => void;
  /** Lets them through again. */
  heal: () => void;
  close: () => Promise<void>;
}

export async function openWay(): Promise<Way> {
  const target = new URL(URL_);
  const open = new Set<Socket>();
  let whole = true;
  const server = createServer((client) => {
    if (!whole) {
      client.destroy();
      return;
    }
    const backend = connect(Number(target.port), target.hostname);
    for (const [a, b] of [
      [client, backend],
      [backend, client],
    ] as const) {
      open.add(a);
      a.on('error', () => b.destroy());
      a.on('close', () => {
        open.delete(a);
        b.destroy();
      });
      a.pipe(b);
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const cut = (): void => {
    whole = false;
    for (const s of open) s.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port.toString()}`,
    cut,
    heal: () => {
      whole = true;
    },
    close: async () => {
      cut();
      await new Promise((done) => server.close(done));
    },
  };
}
