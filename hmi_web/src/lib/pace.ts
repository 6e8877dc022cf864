/** Draws when asked, with the browser's next frame, at most once in `ms`: a tab nobody sees has no frames and so draws nothing. */
export class Pace {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #frame = 0;
  #last = -Infinity;

  constructor(
    readonly ms: number,
    readonly draw: () => void,
  ) {}

  /** Something changed. However often it is said, it is drawn once, and at once after a quiet time. */
  ask(): void {
    if (this.#timer !== undefined || this.#frame) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#frame = requestAnimationFrame(() => {
          this.#frame = 0;
          this.#last = performance.now();
          this.draw();
        });
      },
      Math.max(0, this.#last + this.ms - performance.now()),
    );
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }
}
