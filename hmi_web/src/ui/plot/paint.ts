/** What uPlot does not draw: gaps, limits, cursors. Canvas pixels; `k` is the device pixel ratio. */

import type uPlot from 'uplot';
import type { Limits } from '../../lib/judge';
import type { Gap } from '../../api/types';
import type { Colours } from './colours';

interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

const boxOf = (u: uPlot): Box => ({ x: u.bbox.left, y: u.bbox.top, w: u.bbox.width, h: u.bbox.height });

/** Hatched, with dotted edges and, where there is room, the cause: a gap is never bridged by a line. */
export function paintGaps(u: uPlot, gaps: readonly Gap[], c: Colours, k: number): void {
  const { ctx } = u;
  const b = boxOf(u);
  const end = (u.scales['x']?.max ?? 0) * 1e6;
  for (const g of gaps) {
    const x0 = Math.max(b.x, u.valToPos(g.start / 1e6, 'x', true));
    const x1 = Math.min(b.x + b.w, Math.max(x0 + 2 * k, u.valToPos((g.end ?? end) / 1e6, 'x', true)));
    if (x1 <= b.x || x0 >= b.x + b.w) continue;
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

/** Dashed lines, named in the right margin. */
export function paintLimits(u: uPlot, limits: Limits | null, text: (v: number) => string, c: Colours, k: number): void {
  if (!limits) return;
  const { ctx } = u;
  const b = boxOf(u);
  ctx.save();
  ctx.font = scaled(c.font, k);
  ctx.textAlign = 'left';
  ctx.textBaseline = 'middle';
  let above = Number.NEGATIVE_INFINITY;
  for (const name of ['hihi', 'hi', 'lo', 'lolo'] as const) {
    const v = limits[name];
    if (v === null) continue;
    const y = Math.round(u.valToPos(v, 'y', true)) + k / 2;
    if (y < b.y || y > b.y + b.h) continue;
    ctx.strokeStyle = c.limit;
    ctx.lineWidth = k;
    ctx.setLineDash([6 * k, 3 * k]);
    ctx.beginPath();
    ctx.moveTo(b.x, y);
    ctx.lineTo(b.x + b.w, y);
    ctx.stroke();
    const at = Math.max(y, above + 12 * k);
    above = at;
    ctx.fillStyle = c.label;
    ctx.fillText(`${name.toUpperCase()} ${text(v)}`, b.x + b.w + 5 * k, at);
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
