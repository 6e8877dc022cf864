/** The connection to the platform, told honestly: an age since the last word, and a state by rule. */

import { clock } from './clock.svelte';
import { notes } from './notes.svelte';
import { session } from './session.svelte';
import { openSocket, type Socket } from '../api/socket';
import type { Micros } from '../lib/time';

export type LinkWord = 'ok' | 'late' | 'stale' | 'offline' | 'connecting';

const LATE = 5e6;
const STALE = 15e6;
const AGAIN_MS = 3000;

class Link {
  /** When anything was last heard. */
  heard = $state<Micros>(0);
  open = $state(false);
  /** When it was lost; 0 while it is there. */
  lost = $state<Micros>(0);
  /** Counts openings: whoever holds history fills its gap when it changes. */
  openings = $state(0);
  #socket: Socket | null = null;

  readonly age = $derived(this.heard ? Math.max(0, clock.now - this.heard) : 0);
  readonly word = $derived<LinkWord>(
    !this.open ? (this.lost ? 'offline' : 'connecting') : this.age > STALE ? 'stale' : this.age > LATE ? 'late' : 'ok',
  );

  /** The socket, opened on first use. */
  get socket(): Socket {
    this.#socket ??= openSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`, {
      state: (s) => {
        if (s === 'open') {
          this.open = true;
          this.lost = 0;
          this.openings += 1;
          this.hear();
        } else if (s === 'closed') {
          if (this.open) this.lost = clock.exact();
          this.open = false;
        }
      },
      alive: () => {
        this.hear();
      },
      refused: () => {
        session.me = null;
      },
    });
    return this.#socket;
  }

  /** Follows a subscription until the returned function is called; whatever ends it, it is asked for again. */
  follow<T>(subject: string, query: string, variables: Record<string, unknown>, next: (data: T) => void): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let end: () => void = () => undefined;
    const start = (): void => {
      end = this.socket.subscribe<T>(query, variables, {
        next: (data) => {
          this.hear();
          notes.solved(subject);
          next(data);
        },
        error: (why) => {
          notes.problem(subject, new Error(why));
          timer = setTimeout(start, AGAIN_MS);
        },
      });
    };
    start();
    return () => {
      clearTimeout(timer);
      end();
    };
  }

  hear(): void {
    this.heard = clock.exact();
  }
}

export const link = new Link();
