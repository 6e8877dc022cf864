/** Colours for the canvas, from the palette in force. */

export interface Colours {
  bg: string;
  grid: string;
  band: string;
  /** Of a line that lies behind: another night, the median of equals. */
  under: string;
  edge: string;
  casing: string;
  cursor: string;
  axis: string;
  label: string;
  limit: string;
  hatch: string;
  stale: string;
  line: string;
  strong: string;
  series: string[];
  font: string;
}

export function colours(of: HTMLElement = document.documentElement): Colours {
  const style = getComputedStyle(of);
  const get = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    bg: get('plot-bg'),
    grid: get('plot-grid'),
    band: get('plot-band'),
    under: get('series-2'),
    edge: get('plot-band-edge'),
    casing: get('plot-casing'),
    cursor: get('plot-cursor'),
    axis: get('text-3'),
    label: get('text-2'),
    limit: get('limit-line'),
    hatch: get('hatch'),
    stale: get('q-stale'),
    line: get('line-1'),
    strong: get('text-1'),
    series: [1, 2, 3, 4, 5, 6].map((n) => get(`series-${n.toString()}`)),
    font: `11px ${get('font-ui')}`,
  };
}

/** Line patterns: the second channel of a series, so that colour is never alone. */
export const DASHES: readonly number[][] = [[], [7, 3], [2, 2], [9, 3, 2, 3], [4, 4], [12, 3]];
