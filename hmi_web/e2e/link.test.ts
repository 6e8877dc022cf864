/** The network goes and comes back: the page says so, and fills what it missed. */

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launch, open, PASSWORD, USER } from './browser';
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

it('a lost platform is told at once, and everything returns by itself', async () => {
  const { page } = await open(browser);
  await page.goto(way.url);
  await page.getByLabel('User').fill(USER);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByLabel('Password').press('Enter');
  await expect.poll(() => page.locator('.lamps').innerText(), { timeout: 20_000 }).toMatch(/Link/);
  await page.evaluate(() => {
    location.hash = 'point/ast1.mount.azimuth';
  });
  await expect.poll(() => page.locator('.value').innerText(), { timeout: 15_000 }).toMatch(/\d/);
  way.cut();
  await page.getByText(/OFFLINE \d\d:\d\d/).waitFor({ timeout: 15_000 });
  await page.getByText('has lost the platform and keeps trying').waitFor();
  await page.locator('dd', { hasText: 'stale' }).waitFor({ timeout: 20_000 });
  way.heal();
  await expect.poll(() => page.locator('.lamps').innerText(), { timeout: 20_000 }).toMatch(/Link \d/);
  await expect.poll(() => page.locator('section[aria-label="Now"] dl').innerText(), { timeout: 15_000 }).toMatch(/good|uncertain|bad/);
  // The samples of the time without link were asked for again: no two neighbours are further apart than the mount is slow.
  await expect
    .poll(async () => (await page.locator('section[aria-label="Now"] tbody tr td:last-child').allInnerTexts()).slice(0, 8), {
      timeout: 15_000,
    })
    .not.toContain('');
  await page.context().close();
});
