/** How long an answer may take. Only time in which it could have been heard counts: a page that was busy or asleep proves nothing. */

const STEPS = 6;

/**
 * Between two steps whatever arrived meanwhile gets its turn, so a page that was held up for longer than `ms` hears the answer that lies
 * ready before it gives up. `lost` is called once per `wait`, unless `heard` or `stop` comes first.
 */
export class Patience {
  #left = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly ms: number,
    readonly lost: () => void,
  ) {}

  /** Begins to wait for an answer. */
  wait(): void {
    this.stop();
    this.#left = STEPS;
    this.#step();
  }

  /** The other side lives, though the answer is not there yet: the wait begins anew. */
  heard(): void {
    if (this.#left) this.#left = STEPS;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#left = 0;
  }

  #step(): void {
    this.#timer = setTimeout(() => {
      this.#left -= 1;
      if (this.#left > 0) this.#step();
      else this.lost();
    }, this.ms / STEPS);
  }
}
