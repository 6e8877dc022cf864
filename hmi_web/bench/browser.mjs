/** A headless Chromium with software rendering, logged in, for the benchmarks; and what they count with. */
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

export const URL_ = process.env.MLA_URL ?? 'http://127.0.0.1:8000';

/** The first number of the matrix: azimuth of the first telescope. */
export const CELL = '.matrix tbody tr:first-child td:nth-of-type(1)';

export function launch() {
  const places = [process.env.MLA_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  const executablePath = places.find((p) => p && existsSync(p));
  if (!executablePath) throw new Error('no Chromium: install the package chromium, or name one with MLA_CHROMIUM');
  return chromium.launch({ executablePath, args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run'] });
}

/** A window of a user's own, logged in. */
export async function enter(browser) {
  const context = await browser.newContext({ viewport: { width: 1600, height: 1000 } });
  const page = await context.newPage();
  await page.goto(`${URL_}/`);
  await page.getByLabel('User').fill(process.env.MLA_USER ?? 'operator');
  await page.getByLabel('Password').fill(process.env.MLA_PASSWORD ?? '');
  await page.getByLabel('Password').press('Enter');
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
  return page;
}

/** Waits until numbers stand in the matrix. */
export const filled = (page) =>
  page.waitForFunction((cell) => /\d/.test(document.querySelector(cell)?.textContent ?? ''), CELL, { timeout: 60_000 });

export const round = (x, digits = 0) => (x === null ? null : Number(x.toFixed(digits)));

export function quantile(xs, q) {
  const sorted = [...xs].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? null;
}
