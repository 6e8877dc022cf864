/** The one clock of the window: server time, once a second. The browser's own clock is only a ruler between two words of the server. */

import type { Micros } from '../lib/time';

class Clock {
  /** Now, by the server's clock; renewed each second. */
  now = $state<Micros>(Date.now() * 1000);
  #offset = 0;
  #known = false;

  /** Between ticks, for those who need it finer. */
  exact(): Micros {
    return Date.now() * 1000 + this.#offset;
  }

  /** Takes the server's word. It is late by the way here, so the greatest offset of late is the best; a drift of clocks is followed. */
  hear(serverTime: Micros): void {
    const offset = serverTime - Date.now() * 1000;
    this.#offset = !this.#known || offset > this.#offset || this.#offset - offset > 2e6 ? offset : this.#offset - 500;
    this.#known = true;
  }

  /** Starts the ticking; the function returned stops it. */
  run(): () => void {
    let timer: ReturnType<typeof setTimeout>;
    const tick = (): void => {
      this.now = this.exact();
      timer = setTimeout(tick, 1000 - (Math.floor(this.now / 1000) % 1000));
    };
    tick();
    return () => {
      clearTimeout(timer);
    };
  }
}

export const clock = new Clock();
