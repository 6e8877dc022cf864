/** A tour with the keyboard alone, in each palette: find, why it is stale, zoom a night, compare, save and share, lose the network. */

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, open, PASSWORD, USER } from './browser';
import { openWay, type Way } from './cuttable';

const LONG = { timeout: 40_000 };

let browser: Browser;
let way: Way;
beforeAll(async () => {
  browser = await launch();
  way = await openWay();
});
afterAll(async () => {
  await browser.close();
  await way.close();
});

async function press(page: Page, ...keys: string[]): Promise<void> {
  for (const k of keys) await page.keyboard.press(k);
}

/** Walks with Tab (or Shift+Tab) until what has the focus is called so: what cannot be reached this way is not for the keyboard. */
async function tabTo(page: Page, name: RegExp, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press(key);
    const called = await page.evaluate(() => {
      const e = document.activeElement;
      return e ? (e.getAttribute('aria-label') ?? e.textContent).trim() : '';
    });
    if (name.test(called)) return;
  }
  throw new Error(`no way by ${key} to ${String(name)}`);
}

/** Out of whatever was being typed, so that single keys are commands. */
async function leave(page: Page): Promise<void> {
  await press(page, 'Escape');
  await expect.poll(() => page.evaluate(() => document.activeElement?.tagName), LONG).not.toBe('INPUT');
}

async function logInByKeys(page: Page): Promise<void> {
  await page.goto(way.url);
  await page.waitForFunction(() => document.activeElement?.getAttribute('name') === 'user', null, LONG);
  await page.keyboard.type(USER);
  await press(page, 'Tab');
  await page.keyboard.type(PASSWORD);
  await press(page, 'Enter');
  await page.getByRole('navigation', { name: 'Pages' }).waitFor(LONG);
}

async function find(page: Page, letters: string, name: string): Promise<void> {
  await press(page, '/');
  await page.keyboard.type(letters);
  await expect.poll(() => page.getByRole('option').allInnerTexts(), LONG).toContainEqual(expect.stringContaining(name));
  // Enter takes the marked one: walk down to it.
  for (let i = 0; i < 12; i++) {
    if ((await page.getByRole('option', { selected: true }).innerText()).includes(name)) break;
    await press(page, 'ArrowDown');
  }
  await press(page, 'Enter');
  await page.getByRole('heading', { name, level: 1 }).waitFor(LONG);
}

/** The length of the range in the address, milliseconds; null while LIVE. */
async function range(page: Page): Promise<number | null> {
  const q = new URLSearchParams((await page.evaluate(() => location.hash)).split('?')[1] ?? '');
  const [a, b] = [q.get('from'), q.get('to')];
  return a && b ? Date.parse(`${b}Z`) - Date.parse(`${a}Z`) : null;
}

/** A moment of the last hours at which the source of a point was lost for a while: microseconds and its cause. */
async function silence(page: Page, point: string): Promise<{ start: number; end: number }> {
  const gaps = await page.evaluate(async (name) => {
    const answer = await fetch('graphql', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body: JSON.stringify({
        query: `{ series(points: ["${name}"], from: "now-12h", to: "now-5m", resample: {method: LAST, buckets: 1}) { gaps { start end cause } } }`,
      }),
    });
    const { data } = (await answer.json()) as { data: { series: { gaps: { start: number; end: number | null; cause: string }[] }[] } };
    return data.series[0]?.gaps ?? [];
  }, point);
  const found = gaps.find((g) => g.cause === 'DISCONNECTED' && g.end !== null && g.end - g.start > 20e6);
  if (found?.end == null) throw new Error(`${point} was never lost: the demo's history has no gap`);
  return { start: found.start, end: found.end };
}

const written = (t: number): string => new Date(t / 1000).toISOString().slice(0, 19).replace('T', ' ');

describe.each(['dark', 'day', 'red'])('by keyboard in %s', (palette) => {
  let page: Page;
  const name = `Tour ${palette} ${Date.now().toString(36)}`;

  beforeAll(async () => {
    ({ page } = await open(browser, palette));
    await logInByKeys(page);
  });
  afterAll(async () => {
    way.heal();
    await page.context().close();
  });

  it('finds a point by three letters, and sees why it is stale: its source was lost', async () => {
    await find(page, 'gus', 'site.weather.wind_gust');
    await find(page, 'ast8 azi', 'ast8.mount.azimuth');
    await expect.poll(() => page.locator('.value').innerText(), LONG).toMatch(/\d/);
    const lost = await silence(page, 'ast8.mount.azimuth');
    await tabTo(page, /^Set range$/, 'Shift+Tab');
    await press(page, 'Enter');
    await page.keyboard.type(written(lost.start - 600e6));
    await press(page, 'Tab');
    await page.keyboard.type(written(lost.start + 15e6));
    await press(page, 'Enter');
    await page.getByText('FIXED, locked').waitFor(LONG);
    await page
      .getByText(/Why: the source ast8\.opcua was disconnected from .+ to .+; no value since .+; stale when silent for/)
      .waitFor(LONG);
    await expect.poll(() => page.locator('section[aria-label="Now"] dl').innerText(), LONG).toMatch(/stale/);
    await press(page, 'h');
    await expect.poll(() => range(page), LONG).toBeNull();
  });

  it('zooms a night and comes back', async () => {
    await press(page, 'g', 't');
    await expect.poll(() => page.locator('main canvas').count(), LONG).toBe(6);
    await press(page, 'z');
    await page.getByText('FIXED, locked').waitFor(LONG);
    const night = (await range(page)) ?? 0;
    expect(night).toBeGreaterThan(0); // it may have begun just now
    await press(page, 'z');
    expect(((await range(page)) ?? 0) / 3_600_000).toBeGreaterThan(6); // the night before is a whole one
    await press(page, 'h');
    await press(page, '+');
    expect(await range(page)).toBeCloseTo(night / 2, -1);
    await press(page, 'h');
    expect(await range(page)).toBe(night);
    await press(page, 'h');
    expect(await range(page)).toBeNull();
  });

  it('compares nine telescopes, in another quantity found by letters', async () => {
    await press(page, 'g', 'm');
    await expect.poll(() => page.locator('.compare canvas').count(), LONG).toBe(9);
    await tabTo(page, /^Quantity to compare$/);
    await page.keyboard.type('cool');
    await page.getByRole('option', { name: /camera\.coolant_temperature/ }).waitFor(LONG);
    await press(page, 'Enter');
    await expect.poll(() => page.evaluate(() => location.hash), LONG).toContain('compare/camera.coolant_temperature');
    await expect.poll(() => page.locator('section[aria-label="Fleet statistics"] tbody tr').count(), LONG).toBe(10);
    await page.getByText(/Odd one out|None stands apart/).waitFor(LONG);
  });

  it('saves a view, shares it, and another window opens what it previews', async () => {
    await press(page, 'g', 't');
    await expect.poll(() => page.locator('main canvas').count(), LONG).toBe(6);
    await press(page, 'v');
    await page.getByRole('dialog').waitFor(LONG);
    await page.keyboard.type(name);
    await press(page, 'Tab', 'Space', 'Tab', 'Enter');
    await page.getByText(`kept as “${name}”, version 1, shared`).waitFor(LONG);
    const shared = /view=([^&]+)/.exec(await page.evaluate(() => location.hash))?.[1] ?? '';
    expect(shared).not.toBe('');
    await press(page, 'Escape');

    const other = await page.context().newPage();
    await other.goto(`${way.url}/#trends?view=${shared}`);
    await other.getByRole('region', { name: 'Preview of the view' }).getByText(name).waitFor(LONG);
    await tabTo(other, /^Open instead of this page/);
    await press(other, 'Enter');
    await other.getByRole('dialog').waitFor({ state: 'detached', ...LONG });
    await expect.poll(() => other.locator('main canvas').count(), LONG).toBe(6);
    await other.close();

    await press(page, 'v');
    await page.getByRole('dialog').waitFor(LONG);
    await tabTo(page, /^Remove$/);
    await press(page, 'Enter');
    await page.getByRole('dialog').getByText('removed').waitFor(LONG);
    await press(page, 'Escape');
  });

  it('loses the network, is told, and gets everything back', async () => {
    await find(page, 'gus', 'site.weather.wind_gust');
    way.cut();
    await page.getByText(/OFFLINE \d\d:\d\d/).waitFor(LONG);
    await page.getByText('has lost the platform and keeps trying').waitFor(LONG);
    await page.getByText('Why: this window has lost the platform').waitFor(LONG);
    await leave(page);
    await press(page, 'g', 'o');
    way.heal();
    await expect.poll(() => page.locator('.lamps').innerText(), LONG).toMatch(/Link \d/);
    const before = await page.locator('.matrix tbody').innerText();
    await expect.poll(() => page.locator('.matrix tbody').innerText(), LONG).not.toBe(before);
    // One telescope of the demo has a bad network of its own; all others are fresh again.
    await expect.poll(() => page.locator('.matrix td.hatch').count(), LONG).toBeLessThanOrEqual(14);
    await press(page, 'g', 't');
    await expect.poll(() => page.locator('main canvas').count(), LONG).toBe(6);
  });
});
