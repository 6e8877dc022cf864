/** What every page must look like whatever it shows: accessible in three palettes, and pure red at night. Pictures go to artefacts/. */

import { createRequire } from 'node:module';
import { mkdirSync, readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { go, launch, logIn, open, URL_ } from './browser';

const PAGES: Record<string, string> = {
  array: 'array',
  telescope: 'telescope/ast3',
  compare: 'compare',
  trends: 'trends',
  weather: 'weather',
  power: 'power',
  point: 'point/ast3.camera.pdm07.temperature',
  pipeline: 'pipeline',
  configuration: 'configuration/templates/astri.yaml',
  api: 'api',
  states: 'states',
};
const OUT = new URL('../../artefacts/', import.meta.url).pathname;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser: Browser;
let page: Page;
beforeAll(async () => {
  mkdirSync(OUT, { recursive: true });
  browser = await launch();
  ({ page } = await open(browser));
  await logIn(page);
});
afterAll(async () => {
  await browser.close();
});

async function settle(): Promise<void> {
  await page.locator('main :is(h1, h2)').first().waitFor({ state: 'attached', timeout: 15_000 });
  await expect.poll(() => page.getByText('loading …').count(), { timeout: 15_000 }).toBe(0);
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  await page.waitForTimeout(700); // the first values of the page's subscription, and one drawing of its plots
}

interface AxeResult {
  violations: { id: string; help: string; nodes: { target: unknown[] }[] }[];
}

async function faults(seen: Page = page): Promise<string[]> {
  await seen.evaluate(AXE);
  const result = await seen.evaluate(async () => {
    const axe = (window as unknown as { axe: { run: (root: Document, o: object) => Promise<AxeResult> } }).axe;
    return axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'], resultTypes: ['violations'] });
  });
  return result.violations.map(
    (v) =>
      `${v.id}: ${v.help}: ${v.nodes
        .slice(0, 4)
        .map((n) => String(n.target[0]))
        .join(' | ')}`,
  );
}

/** Pixels with any green or blue, counted in a page of its own. */
async function notRed(png: Buffer): Promise<number> {
  const blank = await browser.newPage();
  const count = await blank.evaluate(
    async (data) => {
      const image = new Image();
      image.src = data;
      await image.decode();
      const canvas = new OffscreenCanvas(image.width, image.height);
      const context = canvas.getContext('2d');
      if (!context) throw new Error('no canvas');
      context.drawImage(image, 0, 0);
      const pixels = context.getImageData(0, 0, image.width, image.height).data;
      let n = 0;
      for (let i = 0; i < pixels.length; i += 4) if ((pixels[i + 1] ?? 0) + (pixels[i + 2] ?? 0) > 0) n++;
      return n;
    },
    `data:image/png;base64,${png.toString('base64')}`,
  );
  await blank.close();
  return count;
}

describe.each(['dark', 'day', 'red'])('in %s', (palette) => {
  beforeAll(async () => {
    await page.getByRole('group', { name: 'Palette' }).getByRole('button', { name: palette, exact: false }).click();
  });
  it.each(Object.entries(PAGES))('%s is accessible and drawn', async (name, hash) => {
    await go(page, hash);
    await settle();
    const png = await page.screenshot({ path: `${OUT}${name}-${palette}.png` });
    expect(await faults()).toEqual([]);
    if (palette === 'red') expect(await notRed(png)).toBe(0);
  });
  it('the lifeboat is accessible and drawn, and keeps the palette', async () => {
    const boat = await page.context().newPage();
    await boat.goto(`${URL_}/lifeboat`);
    await boat.getByText('OBSERVING').first().waitFor({ timeout: 20_000 });
    await boat.getByRole('button', { name: palette, exact: false }).click();
    expect(await boat.evaluate(() => document.documentElement.dataset['palette'])).toBe(palette);
    const png = await boat.screenshot({ path: `${OUT}lifeboat-${palette}.png` });
    expect(await faults(boat)).toEqual([]);
    if (palette === 'red') expect(await notRed(png)).toBe(0);
    await boat.close();
  });
});

/** Numbers, times and controls of which a part cannot be seen, and heads that are cut off: what is wider than where it stands. */
async function cut(seen: Page): Promise<string[]> {
  return seen.evaluate(() => {
    const found = new Set<string>();
    const hides = (e: Element): boolean => ['hidden', 'clip'].includes(getComputedStyle(e).overflowX);
    for (const e of document.querySelectorAll<HTMLElement>('main *, header *')) {
      const text = e.textContent.replace(/\s+/g, ' ').trim();
      if (hides(e) && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 8 && /^[−+<>?×]? ?\d[\d .,:-]*( \S{1,6})?$/.test(text))
        found.add(text);
      if (text && e.matches('td:not([title]):not(:has(.clip))') && e.scrollWidth > e.clientWidth + 1) found.add(text);
      if (!e.matches('button, a.button, input, .head > *, .service .s12, .lane svg, .fleet svg') || e.closest('.sr')) continue;
      const box = e.getBoundingClientRect();
      if (!box.width) continue;
      if (e.matches('.service .s12') && e.scrollWidth > e.clientWidth + 1) found.add(text);
      for (let a = e.parentElement; a && !['auto', 'scroll'].includes(getComputedStyle(a).overflowX); a = a.parentElement)
        if (hides(a) && box.right > a.getBoundingClientRect().right + 1.5) found.add(`${e.tagName} ${text}`);
    }
    if (document.documentElement.scrollWidth > innerWidth) found.add('the page scrolls sideways');
    return [...found];
  });
}

describe.each([
  ['a desk', 1600, 1000],
  ['a laptop', 1366, 768],
  ['a small window', 1024, 768],
  ['a phone', 390, 844],
])('on %s', (_, width, height) => {
  beforeAll(async () => {
    await page.setViewportSize({ width, height });
  });
  // The page of all components is for a desk: on a phone its samples of dialogues are wider than they are there.
  it.each(Object.entries(PAGES).filter(([name]) => width > 760 || name !== 'states'))('%s shows its numbers whole', async (_page, hash) => {
    await go(page, hash);
    await settle();
    expect(await cut(page)).toEqual([]);
  });
});

it('on a phone the palette can be changed and the session ended', async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  await go(page, 'array');
  const before = await page.evaluate(() => document.documentElement.dataset['palette']);
  await page.getByRole('button', { name: /^Palette .*next$/ }).click();
  expect(await page.evaluate(() => document.documentElement.dataset['palette'])).not.toBe(before);
  expect(await faults()).toEqual([]);
  await page.getByRole('button', { name: 'log out' }).click();
  await page.getByRole('button', { name: 'Log in' }).waitFor();
});
