/** The site plan: metres to pixels, and labels that do not cover each other. */

export interface Box {
  /** Centre, pixels. */ x: number;
  y: number;
  w: number;
  h: number;
}

export interface Area {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** One scale for both directions so that the plan is true: the largest with which all positions fit into the area. */
export function fit(places: readonly (readonly [number, number])[], area: Area): { scale: number; x0: number; y0: number } {
  const es = places.map((p) => p[0]);
  const ns = places.map((p) => p[1]);
  const [w, e, s, n] = places.length ? [Math.min(...es), Math.max(...es), Math.min(...ns), Math.max(...ns)] : [0, 0, 0, 0];
  // An area without extent (a plan that is not shown) has a scale all the same, so that whoever divides by it ends.
  const scale = Math.max(0.01, Math.min((area.right - area.left) / Math.max(e - w, 1), (area.bottom - area.top) / Math.max(n - s, 1)));
  return { scale, x0: (area.left + area.right) / 2 - (scale * (w + e)) / 2, y0: (area.top + area.bottom) / 2 + (scale * (n + s)) / 2 };
}

/** Moves boxes apart by as little as is needed (rounds of pushing pairs along their lesser overlap, weighed by the room there is) and keeps them inside. */
export function spread(boxes: readonly Box[], area: Area, rounds = 200): Box[] {
  const out = boxes.map((b) => ({ ...b }));
  const room = Math.min(1, (area.bottom - area.top) / (area.right - area.left));
  for (let r = 0; r < rounds; r++) {
    let moved = false;
    out.forEach((a, i) => {
      for (const b of out.slice(i + 1)) moved = push(a, b, r > 40 && r % 5 === 4 ? 0 : room) || moved;
    });
    for (const b of out) {
      b.x = Math.min(Math.max(b.x, area.left + b.w / 2), area.right - b.w / 2);
      b.y = Math.min(Math.max(b.y, area.top + b.h / 2), area.bottom - b.h / 2);
    }
    if (!moved) break;
  }
  return out;
}

/** Where a column of labels is full, pushing along it leads nowhere: if forty rounds did not help, every fifth goes sideways (room 0). */
function push(a: Box, b: Box, room: number): boolean {
  const ox = (a.w + b.w) / 2 - Math.abs(a.x - b.x);
  const oy = (a.h + b.h) / 2 - Math.abs(a.y - b.y);
  if (ox <= 0.5 || oy <= 0.5) return false;
  if (ox * room < oy) {
    const d = (a.x <= b.x ? ox : -ox) / 2;
    a.x -= d;
    b.x += d;
  } else {
    const d = (a.y <= b.y ? oy : -oy) / 2;
    a.y -= d;
    b.y += d;
  }
  return true;
}

/** A round length for the scale bar, at most `px` wide. */
export function scaleBar(scale: number, px: number): { metres: number; px: number } {
  const most = px / scale;
  const base = 10 ** Math.floor(Math.log10(most));
  const metres = [5, 2, 1].map((k) => k * base).find((m) => m <= most) ?? base;
  return { metres, px: metres * scale };
}
