import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

/** WCAG 2.2 relative luminance and contrast ratio. */
function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((i) => {
    const c = parseInt(hex.slice(i, i + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(a: string, b: string): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

const css = readFileSync(new URL('../src/styles/tokens.css', import.meta.url), 'utf8');
function palette(name: string): Map<string, string> {
  const block = new RegExp(`\\[data-palette='${name}'\\] \\{([^}]*)\\}`).exec(css)?.[1] ?? '';
  return new Map([...block.matchAll(/--([a-z0-9-]+):\s*(#[0-9a-f]{6}|transparent)/g)].map((m) => [m[1] ?? '', m[2] ?? '']));
}

const GROUNDS = ['surface-page', 'surface-panel', 'surface-raised', 'surface-well', 'surface-hover', 'surface-selected'];
const TEXT: [string, string][] = [
  ...['text-1', 'text-2', 'text-3'].flatMap((t) => GROUNDS.map((g): [string, string] => [t, g])),
  ['text-3', 'map-ground'],
  ['text-inverse', 'surface-inverse'],
  ['link-ink', 'link-offline'],
  ['q-bad-ink', 'q-bad'],
  ['q-stale', 'surface-page'],
  ['value-2-ink', 'value-2-bg'],
  ['value-3-ink', 'value-3-bg'],
  ['alarm-ink', 'alarm-2'],
  ['alarm-ink', 'alarm-3'],
];
const DRAWN: [string, string][] = [
  ...['line-2', 'focus', 'gfx-normal', 'gfx-strong', 'limit-line', 'odd', 'q-uncertain', 'link-ok', 'link-late'].map(
    (t): [string, string] => [t, 'surface-page'],
  ),
  ...['series-1', 'series-2', 'series-3', 'series-4', 'series-5', 'series-6', 'plot-cursor', 'plot-band-edge', 'limit-line'].map(
    (t): [string, string] => [t, 'plot-bg'],
  ),
  ['gfx-normal', 'surface-well'],
  ['alarm-2', 'alarm-plate'],
  ['alarm-3', 'alarm-plate'],
];

describe.each(['dark', 'day', 'red'])('palette %s', (name) => {
  const p = palette(name);
  it('has every colour of the dark one', () => {
    expect([...p.keys()].sort()).toEqual([...palette('dark').keys()].sort());
    expect(p.size).toBeGreaterThan(50);
  });
  it.each(TEXT)('%s can be read on %s', (ink, ground) => {
    expect(contrast(p.get(ink) ?? '', p.get(ground) ?? '')).toBeGreaterThanOrEqual(4.5);
  });
  it.each(DRAWN)('%s can be seen on %s', (ink, ground) => {
    expect(contrast(p.get(ink) ?? '', p.get(ground) ?? '')).toBeGreaterThanOrEqual(3);
  });
});

it('red night has no green and no blue', () => {
  expect([...palette('red').values()].filter((c) => !/^#[0-9a-f]{2}0000$/.test(c))).toEqual([]);
});

it('the contrast ratio is that of WCAG', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 6);
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
});
