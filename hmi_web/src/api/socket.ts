/** The one WebSocket of a window: graphql-transport-ws, opened with the first subscription, reopened for ever with growing pauses. */

import { createClient, type Client } from 'graphql-ws';
import { Patience } from '../lib/patience';

export type LinkState = 'connecting' | 'open' | 'closed';

export interface Socket {
  /** Runs a subscription until the returned function is called. */
  subscribe<T>(
    query: string,
    variables: Record<string, unknown>,
    sink: { next: (data: T) => void; error: (why: string) => void },
  ): () => void;
  /** Closes for good. */
  dispose(): void;
}

const PING_MS = 2000;
const PONG_MS = 6000;
const PAUSES_MS = [200, 500, 1000, 2000, 4000];

function refused(event: unknown): boolean {
  const code = (event as { code?: number } | null)?.code ?? 0;
  return code === 4401 || code === 4403;
}

/** `state` is told of every change, `alive` of every pong; `refused` when the server does not accept the session. */
export function openSocket(url: string, on: { state: (s: LinkState) => void; alive: () => void; refused: () => void }): Socket {
  // A half-open socket never closes by itself: one that is silent for so long after a ping is left.
  const patience = new Patience(PONG_MS, () => {
    client.terminate();
  });
  const client: Client = createClient({
    url,
    lazy: true,
    lazyCloseTimeout: 1000,
    keepAlive: PING_MS,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: (event) => !refused(event),
    retryWait: async (retries) => {
      const base = PAUSES_MS[Math.min(retries, PAUSES_MS.length - 1)] ?? 4000;
      await new Promise((done) => setTimeout(done, base * (0.75 + Math.random() / 2)));
    },
    on: {
      connecting: () => {
        on.state('connecting');
      },
      connected: () => {
        on.state('open');
      },
      message: () => {
        patience.heard();
      },
      ping: (received) => {
        if (!received) patience.wait();
      },
      pong: (received) => {
        if (!received) return;
        patience.stop();
        on.alive();
      },
      closed: (event) => {
        patience.stop();
        on.state('closed');
        if (refused(event)) on.refused();
      },
    },
  });
  return {
    subscribe: <T>(query: string, variables: Record<string, unknown>, sink: { next: (data: T) => void; error: (why: string) => void }) =>
      client.subscribe<T>(
        { query, variables },
        {
          next: (message) => {
            if (message.data) sink.next(message.data);
            else if (message.errors?.[0]) sink.error(message.errors[0].message);
          },
          error: (why) => {
            sink.error(describe(why));
          },
          complete: () => undefined,
        },
      ),
    dispose: () => {
      void client.dispose();
    },
  };
}

function describe(why: unknown): string {
  if (Array.isArray(why)) return String((why[0] as { message?: string } | undefined)?.message ?? 'refused');
  if (why instanceof Error) return why.message;
  return `closed ${String((why as { code?: number } | null)?.code ?? '')}`.trim();
}
