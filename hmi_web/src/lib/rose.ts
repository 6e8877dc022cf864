/** A wind rose: how often the wind came from each of sixteen directions, and how strongly. */

export const SECTORS = 16;

export interface Rose {
  /** Per sector (0 = from north, clockwise) the share of all samples in each class of speed. */
  shares: number[][];
  /** Share of samples below the first class's limit: no direction can be told. */
  calm: number;
  count: number;
}

/** `from` in degrees and `speed` aligned; `classes` are rising upper limits, the last class is open. Below `calm` there is no direction. */
export function rose(from: readonly (number | null)[], speed: readonly (number | null)[], classes: readonly number[], calm: number): Rose {
  const shares = Array.from({ length: SECTORS }, () => new Array<number>(classes.length + 1).fill(0));
  let [still, count] = [0, 0];
  from.forEach((a, i) => {
    const s = speed[i] ?? null;
    if (a === null || s === null) return;
    count += 1;
    if (s < calm) {
      still += 1;
      return;
    }
    const sector = shares[Math.floor((((a % 360) + 360) % 360) / (360 / SECTORS) + 0.5) % SECTORS];
    const k = classes.findIndex((limit) => s < limit);
    const cell = k < 0 ? classes.length : k;
    if (sector) sector[cell] = (sector[cell] ?? 0) + 1;
  });
  const n = Math.max(1, count);
  return { shares: shares.map((row) => row.map((x) => x / n)), calm: still / n, count };
}

/** The difference of two directions, 0 to 180 degrees. */
export function turn(a: number, b: number): number {
  const d = Math.abs(a - b) % 360;
  return d > 180 ? 360 - d : d;
}
