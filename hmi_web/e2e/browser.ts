/** Chromium on a running platform, logged in. MLA_URL, MLA_USER and MLA_PASSWORD say which. */

import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';

export const URL_ = process.env['MLA_URL'] ?? 'http://127.0.0.1:8000';
export const USER = process.env['MLA_USER'] ?? 'operator';
export const PASSWORD = process.env['MLA_PASSWORD'] ?? '';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function launch(): Promise<Browser> {
  const found = [process.env['MLA_CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
    (p) => p && existsSync(p),
  );
  if (!found) throw new Error('no Chromium: install the package chromium, or name one with MLA_CHROMIUM');
  return chromium.launch({ executablePath: found, args: FLAGS });
}

/** A window of 1600×1000 that collects whatever the browser complains about. */
export async function open(browser: Browser, palette = 'dark'): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1600, height: 1000 }, locale: 'en-GB' });
  await context.addInitScript((p: string) => {
    localStorage.setItem('mla.palette', p);
  }, palette);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (m) => {
    if (m.type() === 'error' || m.type() === 'warning') complaints.push(m.text());
  });
  page.on('pageerror', (e) => {
    complaints.push(String(e));
  });
  return { page, complaints };
}

export async function logIn(page: Page): Promise<void> {
  await page.goto(`${URL_}/`);
  await page.getByLabel('User').fill(USER);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
}

/** Goes to a page of the HMI without loading it anew. */
export async function go(page: Page, hash: string): Promise<void> {
  await page.evaluate((h) => {
    location.hash = h;
  }, hash);
}
