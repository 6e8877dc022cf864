/** Windows of one user share time and selection over a BroadcastChannel; a pinned one keeps its own. Nothing leaves the browser. */

import { formatRoute, parseRoute, type Route } from '../lib/route';
import { nav } from './nav.svelte';
import { session } from './session.svelte';

/** What windows of different pages have in common: the page's own choices are shared by windows of the same page only. */
export function followed(own: Route, other: Route): Route {
  const same = own.page === other.page;
  const cursors = Object.fromEntries(['a', 'b'].map((k) => [k, other.params[k] ?? '']));
  return {
    ...own,
    time: other.time,
    subject: same && other.subject ? other.subject : own.subject,
    params: same && own.page === 'trends' ? { ...own.params, ...cursors } : own.params,
  };
}

interface Word {
  user: string;
  hash: string;
}

class Windows {
  pinned = $state(sessionStorage.getItem('mla.pinned') === 'yes');
  #last = '';

  pin(on: boolean): void {
    this.pinned = on;
    sessionStorage.setItem('mla.pinned', on ? 'yes' : 'no');
  }

  /** Tells and hears until stopped. */
  run(): () => void {
    const channel = new BroadcastChannel('mla.windows');
    channel.onmessage = (e: MessageEvent<Word>) => {
      if (this.pinned || e.data.user !== session.me?.user) return;
      const next = followed(nav.route, parseRoute(e.data.hash));
      this.#last = formatRoute(next);
      if (this.#last !== formatRoute(nav.route)) nav.take(next);
    };
    const end = $effect.root(() => {
      $effect(() => {
        const hash = formatRoute(nav.route);
        if (this.pinned || hash === this.#last) return;
        const first = !this.#last;
        this.#last = hash;
        if (!first && session.me) channel.postMessage({ user: session.me.user, hash } satisfies Word);
      });
    });
    return () => {
      end();
      channel.close();
    };
  }
}

export const windows = new Windows();
