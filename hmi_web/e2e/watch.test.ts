/** Windows beside each other and small ones: they follow each other in time, and a phone shows what it needs. */

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { go, launch, logIn, open } from './browser';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
});

/** The range in the address, microseconds; null while LIVE. */
async function range(page: Page): Promise<number | null> {
  const q = new URLSearchParams((await page.evaluate(() => location.hash)).split('?')[1] ?? '');
  const [a, b] = [q.get('from'), q.get('to')];
  return a && b ? Date.parse(`${b}Z`) - Date.parse(`${a}Z`) : null;
}

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
  it.each(['array', 'weather', 'telescope/ast3', 'point/ast3.camera.pdm07.temperature', 'compare', 'trends', 'power', 'pipeline'])(
    'shows %s without scrolling sideways',
    async (hash) => {
      const { page } = await open(browser);
      await page.setViewportSize({ width: 375, height: 812 });
      await logIn(page);
      await go(page, hash);
      await page.locator('main :is(h1, h2)').first().waitFor({ state: 'attached' });
      await expect.poll(() => page.locator('main').innerText(), { timeout: 20_000 }).toMatch(/\d/);
      expect(await page.evaluate(() => document.querySelector('main')?.scrollWidth)).toBe(375);
      // Nor does a drawing in it: only wide tables are moved sideways within themselves.
      const wide = await page.evaluate(() =>
        [...document.querySelectorAll('main svg[role], main canvas')]
          .filter((e) => !e.closest('table') && e.getBoundingClientRect().right > 375.5)
          .map((e) => e.outerHTML.slice(0, 200)),
      );
      expect(wide).toEqual([]);
      await page.context().close();
    },
  );
});
