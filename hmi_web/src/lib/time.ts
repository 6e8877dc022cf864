/** Times are integer microseconds UTC, as everywhere in the platform. Nothing here reads a clock. */

export type Micros = number;

export const SECOND = 1_000_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const pad = (n: number, width = 2): string => String(n).padStart(width, '0');

/** `2026-11-22`. */
export function date(t: Micros): string {
  return new Date(t / 1000).toISOString().slice(0, 10);
}

/** `02:14:37`, with `decimals` of 0, 1 or 3 fractional digits (cut, not rounded: a clock does not run ahead). */
export function clock(t: Micros, decimals: 0 | 1 | 3 = 0): string {
  const d = new Date(Math.floor(t / 1000));
  const base = `${pad(d.getUTCHours())}:${pad(d.getUTCMinutes())}:${pad(d.getUTCSeconds())}`;
  return decimals ? `${base}.${pad(d.getUTCMilliseconds(), 3).slice(0, decimals)}` : base;
}

/** `2026-11-22 02:14:37`. */
export function dateTime(t: Micros): string {
  return `${date(t)} ${clock(t)}`;
}

/** The shortest text that still says when: the time alone on the day of `now`, else month and day before it. */
export function shortTime(t: Micros, now: Micros): string {
  return date(t) === date(now) ? clock(t) : `${date(t).slice(5)} ${clock(t).slice(0, 5)}`;
}

/** An age or duration in words that keep their width: `0.4 s`, `39 s`, `12 min`, `3 h 02`, `5 d`. */
export function span(us: number): string {
  const s = Math.max(0, us / SECOND);
  if (s < 9.95) return `${s.toFixed(1)} s`;
  if (s < 100) return `${Math.floor(s).toString()} s`;
  if (s < 6000) return `${Math.floor(s / 60).toString()} min`;
  if (s < 172_800) return `${Math.floor(s / 3600).toString()} h ${pad(Math.floor(s / 60) % 60)}`;
  return `${Math.floor(s / 86_400).toString()} d`;
}

/** Whether an interval lasts: a refusal of samples (start = end) is a moment in which nothing is missing. */
export const lasts = (i: { start: Micros; end: Micros | null }): boolean => i.end === null || i.end > i.start;

/** The length of time that some intervals cover together within [from, to]; one without end lasts. */
export function covered(intervals: readonly { start: Micros; end: Micros | null }[], from: Micros, to: Micros): number {
  let total = 0;
  let reached = from;
  for (const i of [...intervals].sort((a, b) => a.start - b.start)) {
    const [a, b] = [Math.max(i.start, reached), Math.min(i.end ?? to, to)];
    if (b > a) total += b - a;
    reached = Math.max(reached, b);
  }
  return total;
}

/** `mm:ss` for the time since the link was lost. */
export function minutesSeconds(us: number): string {
  const s = Math.max(0, Math.floor(us / SECOND));
  return `${pad(Math.floor(s / 60))}:${pad(s % 60)}`;
}

/** Reads `2026-11-22 02:14`, with or without seconds, `T` or `Z`; a bare `02:14` is of the day of `now`. Null when it is none of these. */
export function parse(text: string, now: Micros): Micros | null {
  const m = /^(?:(\d{4})-(\d{2})-(\d{2})[ T])?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?Z?$/.exec(text.trim());
  if (!m) return null;
  const [, y, mo, d, h, mi, s, f] = m;
  const day = y ? Date.UTC(Number(y), Number(mo) - 1, Number(d)) : Math.floor(now / DAY) * (DAY / 1000);
  if (y && new Date(day).toISOString().slice(0, 10) !== `${y}-${mo ?? ''}-${d ?? ''}`) return null;
  const [hh, mm, ss] = [Number(h), Number(mi), Number(s ?? 0)];
  if (hh > 23 || mm > 59 || ss > 59) return null;
  return day * 1000 + hh * HOUR + mm * MINUTE + ss * SECOND + Number((f ?? '').padEnd(6, '0'));
}

/** Reads a length such as `10m`, `1h`, `6h`, `2d`; null when it is none. */
export function parseSpan(text: string): number | null {
  const m = /^(\d+)([smhd])$/.exec(text);
  if (!m) return null;
  const unit = { s: SECOND, m: MINUTE, h: HOUR, d: DAY }[m[2] as 's' | 'm' | 'h' | 'd'];
  return Number(m[1]) * unit;
}

/** The inverse of parseSpan for whole units: `3600e6` is `1h`. */
export function spanCode(us: number): string {
  for (const [unit, code] of [
    [DAY, 'd'],
    [HOUR, 'h'],
    [MINUTE, 'm'],
  ] as const)
    if (us % unit === 0 && us > 0) return `${(us / unit).toString()}${code}`;
  return `${Math.max(1, Math.round(us / SECOND)).toString()}s`;
}

const STEPS = [1, 2, 5, 10, 15, 30]
  .flatMap((n) => [n * SECOND])
  .concat(
    [1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
    [1, 2, 3, 6, 12].map((n) => n * HOUR),
    [1, 2, 7, 14, 28].map((n) => n * DAY),
  );

/** Round moments inside a range, at most `count` of them, and how each is written. */
export function ticks(from: Micros, to: Micros, count: number): { at: Micros; text: string }[] {
  const step = STEPS.find((s) => (to - from) / s <= count) ?? 28 * DAY;
  const found: { at: Micros; text: string }[] = [];
  for (let t = Math.ceil(from / step) * step; t <= to; t += step) found.push({ at: t, text: tickText(t, step) });
  return found;
}

function tickText(t: Micros, step: number): string {
  if (t % DAY === 0 && step >= HOUR) return date(t).slice(5);
  return step < MINUTE ? clock(t) : clock(t).slice(0, 5);
}
