/** Statistics of a handful of equal telescopes. */

/** The median of finite numbers; NaN for none. */
export function median(xs: readonly number[]): number {
  const s = xs.filter(Number.isFinite).sort((a, b) => a - b);
  const n = s.length;
  if (!n) return Number.NaN;
  const mid = s[n >> 1] ?? Number.NaN;
  return n % 2 ? mid : (mid + (s[(n >> 1) - 1] ?? Number.NaN)) / 2;
}

/**
 * Robust z score of each member: 0.6745 (x − median) / MAD (Iglewicz and Hoaglin 1993). The MAD is not taken smaller than `floor`, the
 * resolution below which differences mean nothing; fewer than five members give no score.
 */
export function robustZ(xs: readonly (number | null)[], floor: number): (number | null)[] {
  const known = xs.filter((x): x is number => x !== null && Number.isFinite(x));
  if (known.length < 5) return xs.map(() => null);
  const m = median(known);
  const mad = Math.max(median(known.map((x) => Math.abs(x - m))), floor);
  return xs.map((x) => (x === null || !Number.isFinite(x) || mad === 0 ? null : (0.6745 * (x - m)) / mad));
}

/** From which |z| on a member is called the odd one out (Iglewicz and Hoaglin recommend 3.5). */
export const ODD = 3.5;
