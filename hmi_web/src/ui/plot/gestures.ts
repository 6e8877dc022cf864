/** Moving along the time axis of a plot: the middle button (or Shift and the first) pans, the wheel zooms about the pointer. */

type Move = (from: number, to: number, done: boolean) => void;

const IDLE_MS = 250;
const STEP = 1.2;

/** The range after `notches` of the wheel with the pointer at `share` (0 to 1) of the width; never shorter than 10 ms. */
export function zoomed([from, to]: readonly [number, number], share: number, notches: number): [number, number] {
  const length = Math.max(10_000, (to - from) * STEP ** notches);
  const at = from + (to - from) * share;
  return [Math.round(at - length * share), Math.round(at + length * (1 - share))];
}

/** Hears pointer and wheel on `over` and tells the range they make of `range()`; the listeners end with the element. */
export function gestures(over: HTMLElement, range: () => readonly [number, number], move: Move): void {
  let grip: { x: number; from: number; to: number; id: number } | null = null;
  let idle: ReturnType<typeof setTimeout> | undefined;
  let wheel: [number, number] | null = null;

  over.addEventListener(
    'pointerdown',
    (e) => {
      if (e.button !== 1) return;
      e.preventDefault();
      e.stopImmediatePropagation();
      const [from, to] = range();
      grip = { x: e.clientX, from, to, id: e.pointerId };
      over.setPointerCapture(e.pointerId);
      over.style.cursor = 'grabbing';
    },
    { capture: true },
  );
  over.addEventListener('pointermove', (e) => {
    if (grip) tell(e.clientX, false);
  });
  const release = (e: PointerEvent): void => {
    if (!grip) return;
    tell(e.clientX, true);
    over.style.cursor = '';
    grip = null;
  };
  over.addEventListener('pointerup', release);
  over.addEventListener('pointercancel', release);
  over.addEventListener(
    'wheel',
    (e) => {
      if (e.shiftKey || !e.deltaY) return; // Shift scrolls the page
      e.preventDefault();
      const box = over.getBoundingClientRect();
      wheel = zoomed(wheel ?? range(), (e.clientX - box.left) / box.width, Math.sign(e.deltaY));
      move(...wheel, false);
      clearTimeout(idle);
      idle = setTimeout(() => {
        if (wheel) move(...wheel, true);
        wheel = null;
      }, IDLE_MS);
    },
    { passive: false },
  );

  function tell(x: number, done: boolean): void {
    if (!grip) return;
    const by = ((grip.x - x) / over.clientWidth) * (grip.to - grip.from);
    move(Math.round(grip.from + by), Math.round(grip.to + by), done);
  }
}
