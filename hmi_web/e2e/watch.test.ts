/** A watch by the keyboard alone, in each palette: find, why it is stale, zoom a night, compare, save and share, lose the network. */

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { go, launch, logIn, open, PASSWORD, USER } from './browser';
import { openWay, type Way } from './cuttable';

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

/** The range in the address, microseconds; null while LIVE. */
async function range(page: Page): Promise<number | null> {
  const q = new URLSearchParams((await page.evaluate(() => location.hash)).split('?')[1] ?? '');
  const [a, b] = [q.get('from'), q.get('to')];
  return a && b ? Date.parse(`${b}Z`) - Date.parse(`${a}Z`) : null;
}

describe.each(['dark', 'day', 'red'])('a watch by keyboard in %s', (palette) => {
  let page: Page;
  const name = `Watch ${palette} ${Date.now().toString(36)}`;
  let shared = '';

  beforeAll(async () => {
    ({ page } = await open(browser, palette));
    await page.goto(way.url);
    await page.getByLabel('User').waitFor();
    await page.keyboard.type(USER);
    await press(page, 'Tab');
    await page.keyboard.type(PASSWORD);
    await press(page, 'Enter');
    await page.getByRole('navigation', { name: 'Pages' }).waitFor({ timeout: 20_000 });
  });
  afterAll(async () => {
    await page.context().close();
  });

  it('finds a point by three letters, and sees why it is stale', async () => {
    await press(page, '/');
    await page.keyboard.type('gus');
    await expect.poll(() => page.getByRole('option').first().innerText(), { timeout: 10_000 }).toMatch(/wind_gust/);
    await press(page, 'Enter');
    await page.getByRole('heading', { name: /wind_gust/, level: 1 }).waitFor();
    await expect.poll(() => page.locator('.value').innerText(), { timeout: 15_000 }).toMatch(/\d/);
    way.cut();
    await page.getByText(/OFFLINE \d\d:\d\d/).waitFor({ timeout: 15_000 });
    await page.getByText('Why: this window has lost the platform').waitFor({ timeout: 30_000 });
    way.heal();
    await expect.poll(() => page.locator('.lamps').innerText(), { timeout: 20_000 }).toMatch(/Link \d/);
    await expect.poll(() => page.getByText('Why:').count(), { timeout: 15_000 }).toBe(0);
  });

  it('zooms a night and comes back', async () => {
    await press(page, 'g', 't');
    await expect.poll(() => page.locator('main canvas').count(), { timeout: 20_000 }).toBe(6);
    await press(page, 'z');
    await page.getByText('FIXED, locked').waitFor();
    const night = await range(page);
    expect((night ?? 0) / 3_600_000).toBeGreaterThan(2);
    await press(page, '+');
    expect(await range(page)).toBeCloseTo((night ?? 0) / 2, -1);
    await press(page, 'h');
    expect(await range(page)).toBe(night);
    await press(page, 'h');
    expect(await range(page)).toBeNull();
  });

  it('compares nine telescopes', async () => {
    await press(page, 'g', 'm');
    await expect.poll(() => page.locator('.compare canvas').count(), { timeout: 20_000 }).toBe(9);
    await expect.poll(() => page.locator('section[aria-label="Fleet statistics"] tbody tr').count(), { timeout: 15_000 }).toBe(10);
    await page.getByText(/Odd one out|None stands apart/).waitFor();
  });

  it('saves a view, shares it, and another opens what it previews', async () => {
    await press(page, 'g', 't');
    await expect.poll(() => page.locator('main canvas').count(), { timeout: 20_000 }).toBe(6);
    await press(page, 'v');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.type(name);
    await press(page, 'Tab', 'Space', 'Tab', 'Enter');
    await page.getByText(`kept as “${name}”, version 1, shared`).waitFor({ timeout: 10_000 });
    shared = /view=([^&]+)/.exec(await page.evaluate(() => location.hash))?.[1] ?? '';
    expect(shared).not.toBe('');
    await press(page, 'Escape');

    const other = await open(browser, palette);
    await logIn(other.page);
    await go(other.page, `trends?view=${shared}`);
    const preview = other.page.getByRole('region', { name: 'Preview of the view' });
    await preview.getByText(name).waitFor({ timeout: 15_000 });
    await preview.getByRole('button', { name: 'Open instead of this page' }).focus();
    await press(other.page, 'Enter');
    await other.page.getByRole('dialog').waitFor({ state: 'detached' });
    await other.page.context().close();

    await press(page, 'v');
    await page.getByRole('button', { name: 'Remove', exact: true }).focus();
    await press(page, 'Enter');
    await page.getByRole('dialog').getByText('removed').waitFor();
    await press(page, 'Escape');
  });

  it('loses the network and gets everything back', async () => {
    await press(page, 'g', 'o');
    const cell = page.locator('.matrix tbody tr:first-child td:nth-child(4)');
    await expect.poll(() => cell.innerText(), { timeout: 20_000 }).toMatch(/\d/);
    way.cut();
    await page.getByText(/OFFLINE \d\d:\d\d/).waitFor({ timeout: 15_000 });
    way.heal();
    await expect.poll(() => page.locator('.lamps').innerText(), { timeout: 20_000 }).toMatch(/Link \d/);
    const before = await page.locator('.matrix tbody').innerText();
    await expect.poll(() => page.locator('.matrix tbody').innerText(), { timeout: 15_000 }).not.toBe(before);
    await expect.poll(() => page.locator('.matrix td.hatch').count(), { timeout: 20_000 }).toBeLessThan(14);
  });
});

describe('windows of one user', () => {
  it('follow each other in time, unless pinned', async () => {
    const first = await open(browser);
    await logIn(first.page);
    const second = await first.page.context().newPage();
    await second.goto(first.page.url().replace(/#.*/, '') + '#weather');
    await second.getByRole('heading', { name: 'Weather', level: 1 }).waitFor({ state: 'attached', timeout: 20_000 });
    await go(first.page, 'trends');
    await first.page.getByRole('button', { name: 'FIXED' }).click();
    await expect.poll(() => range(second), { timeout: 10_000 }).not.toBeNull();
    await second.getByRole('button', { name: 'Pin this window' }).click();
    await first.page.getByRole('button', { name: 'LIVE', exact: true }).click();
    await first.page.getByText('FIXED, locked').waitFor({ state: 'detached' });
    expect(await range(second)).not.toBeNull();
    await first.page.context().close();
  });
});

describe('a phone', () => {
  it.each(['array', 'weather'])('shows %s without scrolling sideways', async (hash) => {
    const { page } = await open(browser);
    await page.setViewportSize({ width: 375, height: 812 });
    await logIn(page);
    await go(page, hash);
    await page.locator('main :is(h1, h2)').first().waitFor({ state: 'attached' });
    await expect.poll(() => page.locator('main').innerText(), { timeout: 20_000 }).toMatch(/\d/);
    expect(await page.evaluate(() => document.querySelector('main')?.scrollWidth)).toBe(375);
    await page.context().close();
  });
});
