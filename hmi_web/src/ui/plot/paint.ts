/** What uPlot does not draw: gaps, limits, cursors. Canvas pixels; `k` is the device pixel ratio. */

import type uPlot from 'uplot';
import type { Limits } from '../../lib/judge';
import { lasts } from '../../lib/time';
import type { Gap } from '../../api/types';
import type { Mark } from '../../lib/marks';
import type { Colours } from './colours';

interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

const boxOf = (u: uPlot): Box => ({ x: u.bbox.left, y: u.bbox.top, w: u.bbox.width, h: u.bbox.height });

/** In CSS pixels: a gap narrower than this has no room for edges and hatching. */
const NARROW = 4;

/**
 * Hatched, with dotted edges and, where there is room, the cause: a gap is never bridged by a line. A narrow one is a faint line with a
 * tick at the top, so that a day full of short gaps does not hide its curve; a refusal is the tick alone.
 */
export function paintGaps(u: uPlot, gaps: readonly Gap[], c: Colours, k: number): void {
  const { ctx } = u;
  const b = boxOf(u);
  const end = (u.scales['x']?.max ?? 0) * 1e6;
  for (const g of gaps) {
    const x0 = Math.max(b.x, u.valToPos(g.start / 1e6, 'x', true));
    const x1 = Math.min(b.x + b.w, Math.max(x0 + 2 * k, u.valToPos((g.end ?? end) / 1e6, 'x', true)));
    if (x1 <= b.x || x0 >= b.x + b.w) continue;
    if (!lasts(g) || x1 - x0 < NARROW * k) {
      ctx.fillStyle = c.hatch;
      if (lasts(g)) ctx.fillRect(x0, b.y, k, b.h);
      ctx.fillStyle = c.stale;
      ctx.fillRect(x0, b.y, 2 * k, 8 * k);
      continue;
    }
    ctx.save();
    ctx.beginPath();
    ctx.rect(x0, b.y, x1 - x0, b.h);
    ctx.clip();
    ctx.strokeStyle = c.hatch;
    ctx.lineWidth = k;
    ctx.beginPath();
    for (let d = Math.floor((x0 - b.h) / (7 * k)) * 7 * k; d < x1; d += 7 * k) {
      ctx.moveTo(d, b.y + b.h);
      ctx.lineTo(d + b.h, b.y);
    }
    ctx.stroke();
    ctx.strokeStyle = c.stale;
    ctx.setLineDash([2 * k, 2 * k]);
    ctx.strokeRect(x0 + k / 2, b.y - k, x1 - x0 - k, b.h + 2 * k);
    ctx.setLineDash([]);
    const text = g.cause.toLowerCase().replaceAll('_', ' ');
    ctx.font = scaled(c.font, k);
    const width = ctx.measureText(text).width;
    if (x1 - x0 > width + 16 * k) {
      const [tx, ty] = [(x0 + x1) / 2, b.y + b.h - 12 * k];
      ctx.fillStyle = c.bg;
      ctx.fillRect(tx - width / 2 - 4 * k, ty - 11 * k, width + 8 * k, 15 * k);
      ctx.fillStyle = c.label;
      ctx.textAlign = 'center';
      ctx.textBaseline = 'alphabetic';
      ctx.fillText(text, tx, ty);
    }
    ctx.restore();
  }
}

const scaled = (font: string, k: number): string => font.replace(/^(\d+)px/, (_, px: string) => `${(Number(px) * k).toString()}px`);

/** Limits as they were from one moment to another; null: since ever, until now. Microseconds. */
export interface LimitStep {
  since: number | null;
  until: number | null;
  limits: Limits;
}

const NAMES = ['hihi', 'hi', 'lo', 'lolo'] as const;

/** Dashed lines, stepped where a revision changed them; what holds at the right edge is named in the margin. */
export function paintLimits(u: uPlot, steps: readonly LimitStep[], text: (v: number) => string, c: Colours, k: number): void {
  if (!steps.length) return;
  const { ctx } = u;
  const b = boxOf(u);
  const x = (t: number | null, otherwise: number): number =>
    t === null ? otherwise : Math.min(b.x + b.w, Math.max(b.x, Math.round(u.valToPos(t / 1e6, 'x', true))));
  const y = (v: number): number => Math.round(u.valToPos(v, 'y', true)) + k / 2;
  const inside = (v: number): boolean => v >= b.y && v <= b.y + b.h;
  ctx.save();
  ctx.font = scaled(c.font, k);
  ctx.textAlign = 'left';
  ctx.textBaseline = 'middle';
  let above = Number.NEGATIVE_INFINITY;
  for (const name of NAMES) {
    ctx.strokeStyle = c.limit;
    ctx.lineWidth = k;
    ctx.setLineDash([6 * k, 3 * k]);
    ctx.beginPath();
    let last: { v: number; y: number } | null = null;
    for (const s of steps) {
      const [x0, x1, v] = [x(s.since, b.x), x(s.until, b.x + b.w), s.limits[name]];
      if (v === null || x1 <= x0) continue;
      const at = y(v);
      if (inside(at)) {
        if (last && inside(last.y) && x0 > b.x) ctx.lineTo(x0, at);
        else ctx.moveTo(x0, at);
        ctx.lineTo(x1, at);
      }
      last = { v, y: at };
    }
    ctx.stroke();
    ctx.setLineDash([]);
    if (!last || !inside(last.y)) continue;
    const at = Math.max(last.y, above + 12 * k);
    above = at;
    ctx.fillStyle = c.label;
    ctx.fillText(`${name.toUpperCase()} ${text(last.v)}`, b.x + b.w + 5 * k, at);
  }
  ctx.restore();
}

/** What lies behind the curve: the middle half of equals, or another night. `t` in seconds. */
export interface Under {
  t: readonly number[];
  lo: readonly (number | null)[];
  hi: readonly (number | null)[];
  mid: readonly (number | null)[];
}

/** A band without edge and a dashed line, drawn before the curve. */
export function paintUnder(u: uPlot, under: Under, c: Colours, k: number): void {
  const { ctx } = u;
  const b = boxOf(u);
  const at = (i: number, v: number): [number, number] => [u.valToPos(under.t[i] ?? 0, 'x', true), u.valToPos(v, 'y', true)];
  ctx.save();
  ctx.beginPath();
  ctx.rect(b.x, b.y, b.w, b.h);
  ctx.clip();
  ctx.fillStyle = c.band;
  for (const run of runs(under.lo)) {
    ctx.beginPath();
    for (let i = run[0]; i < run[1]; i++) ctx.lineTo(...at(i, under.lo[i] ?? 0));
    for (let i = run[1] - 1; i >= run[0]; i--) ctx.lineTo(...at(i, under.hi[i] ?? 0));
    ctx.closePath();
    ctx.fill();
  }
  ctx.strokeStyle = c.under;
  ctx.lineWidth = 1.3 * k;
  ctx.setLineDash([5 * k, 3 * k]);
  for (const run of runs(under.mid)) {
    ctx.beginPath();
    for (let i = run[0]; i < run[1]; i++) ctx.lineTo(...at(i, under.mid[i] ?? 0));
    ctx.stroke();
  }
  ctx.restore();
}

/** Where a column holds numbers without a break: [first, one past the last]. */
function runs(column: readonly (number | null)[]): [number, number][] {
  const found: [number, number][] = [];
  let start = -1;
  for (let i = 0; i <= column.length; i++) {
    const known = i < column.length && column[i] != null;
    if (known && start < 0) start = i;
    else if (!known && start >= 0) {
      found.push([start, i]);
      start = -1;
    }
  }
  return found;
}

/** What happened, on the axis: a stroke and a letter where there is room for it. */
export function paintMarks(u: uPlot, marks: readonly Mark[], c: Colours, k: number): void {
  const { ctx } = u;
  const b = boxOf(u);
  ctx.save();
  ctx.font = `700 ${scaled(c.font, k)}`;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'alphabetic';
  let free = Number.NEGATIVE_INFINITY;
  for (const m of marks) {
    const x = Math.round(u.valToPos(m.time / 1e6, 'x', true)) + k / 2;
    if (x < b.x || x > b.x + b.w) continue;
    ctx.strokeStyle = c.label;
    ctx.lineWidth = k;
    ctx.setLineDash(m.kind === 'CONFIGURATION' ? [] : [k, 2 * k]);
    ctx.beginPath();
    ctx.moveTo(x, b.y + b.h);
    ctx.lineTo(x, b.y + b.h - (m.kind === 'CONFIGURATION' ? 16 : 10) * k);
    ctx.stroke();
    if (x < free) continue;
    free = x + 12 * k;
    ctx.fillStyle = c.bg;
    ctx.fillRect(x - 5 * k, b.y + b.h - 13 * k, 10 * k, 12 * k);
    ctx.fillStyle = c.label;
    ctx.fillText(m.letter, x, b.y + b.h - 3 * k);
  }
  ctx.restore();
}

/** Cursor A solid, B dashed, each with its letter. */
export function paintCursors(u: uPlot, cursors: readonly (number | null)[], tags: boolean, c: Colours, k: number): void {
  const { ctx } = u;
  const b = boxOf(u);
  cursors.forEach((at, i) => {
    if (at === null) return;
    const x = Math.round(u.valToPos(at / 1e6, 'x', true)) + k / 2;
    if (x < b.x || x > b.x + b.w) return;
    ctx.save();
    ctx.strokeStyle = c.cursor;
    ctx.lineWidth = k;
    ctx.setLineDash(i ? [4 * k, 3 * k] : []);
    ctx.beginPath();
    ctx.moveTo(x, b.y);
    ctx.lineTo(x, b.y + b.h);
    ctx.stroke();
    if (tags) {
      ctx.fillStyle = c.cursor;
      ctx.fillRect(x - 7 * k, b.y, 14 * k, 14 * k);
      ctx.fillStyle = c.bg;
      ctx.font = `700 ${scaled(c.font, k)}`;
      ctx.textAlign = 'center';
      ctx.textBaseline = 'middle';
      ctx.fillText('AB'[i] ?? '', x, b.y + 7.5 * k);
    }
    ctx.restore();
  });
}
