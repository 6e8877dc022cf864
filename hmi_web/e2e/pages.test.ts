/** Every page as an operator uses it, on a running platform with the demo array. */

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { go, launch, logIn, open, PASSWORD, URL_, USER } from './browser';

let browser: Browser;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  browser = await launch();
  ({ page, complaints } = await open(browser));
  await logIn(page);
});
afterAll(async () => {
  await browser.close();
});

const text = (selector: string): Promise<string> => page.locator(selector).first().innerText();

/** Where the first plot is. */
async function plotBox(): Promise<{ x: number; y: number; width: number; height: number }> {
  const over = page.locator('.u-over').first();
  await over.waitFor({ timeout: 20_000 });
  const box = await over.boundingBox();
  if (!box) throw new Error('no plot');
  return box;
}

describe('the packaged build', () => {
  it('is what is tested: files with digests in their names, under the policy of production', async () => {
    const answer = await page.request.get(URL_);
    const policy = answer.headers()['content-security-policy'] ?? '';
    expect(policy).toMatch(/default-src 'self'; script-src 'self'; style-src 'self';/);
    expect(policy).not.toContain('unsafe-eval');
    expect(await answer.text()).toMatch(/assets\/index-[\w-]+\.js/);
    expect(await answer.text()).not.toContain('@vite/client');
  });
});

describe('Compare', () => {
  it('leads to that time of all telescopes in Trends, by dragging on one', async () => {
    await go(page, 'compare/mount.azimuth_motor_current');
    await expect.poll(() => page.locator('.compare canvas').count(), { timeout: 30_000 }).toBe(9);
    await expect.poll(() => page.getByText('loading …').count(), { timeout: 20_000 }).toBe(0);
    const box = await plotBox();
    await page.mouse.move(box.x + box.width * 0.4, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.7, box.y + 40, { steps: 4 });
    await page.mouse.up();
    await page.getByText('FIXED, locked').waitFor({ timeout: 15_000 });
    const hash = await page.evaluate(() => location.hash);
    expect(hash).toMatch(/^#trends\?/);
    for (const k of [1, 5, 9]) expect(hash).toContain(`ast${k.toString()}.mount.azimuth_motor_current`);
    await expect.poll(() => page.locator('main canvas').count(), { timeout: 30_000 }).toBe(9);
    await page.locator('main').focus();
    await page.keyboard.press('h');
    await page.getByText('FIXED, locked').waitFor({ state: 'detached' });
  });
});

describe('log-in', () => {
  it('says why it refuses, and lets in', async () => {
    const other = await open(browser);
    await other.page.goto(URL_);
    await other.page.getByLabel('User').fill(USER);
    await other.page.getByLabel('Password').fill('not this one');
    await other.page.getByRole('button', { name: 'Log in' }).click();
    await other.page.getByRole('alert').getByText(/wrong/).waitFor();
    await other.page.getByLabel('Password').fill(PASSWORD);
    await other.page.getByLabel('Password').press('Enter');
    await other.page.getByText('Site plan').waitFor();
    await other.page.getByRole('button', { name: 'log out' }).click();
    await other.page.getByLabel('Password').waitFor();
    await other.page.context().close();
  });
});

describe('Array', () => {
  it('shows nine telescopes with values that live', async () => {
    await go(page, 'array');
    await expect.poll(() => page.locator('.matrix tbody tr').count(), { timeout: 20_000 }).toBe(10);
    await expect.poll(() => page.locator('.plan a').count()).toBe(9);
    const cell = '.matrix tbody tr:first-child td:nth-child(4)';
    await expect.poll(() => text(cell), { timeout: 20_000 }).toMatch(/^\d/);
    const before = await text('.matrix tbody');
    await expect.poll(() => text('.matrix tbody'), { timeout: 10_000 }).not.toBe(before);
  });
  it('gives weather with unit and age, and the state of the platform', async () => {
    await expect
      .poll(() => text('section[aria-label="Weather and power"] a.row'), { timeout: 10_000 })
      .toMatch(/Wind[\s\S]+\d[\s\S]+km\/h[\s\S]+\d.*(s|min)/);
    // One telescope of the demo has a bad network: it is away for 40 s, four times an hour.
    await expect.poll(() => text('.tally'), { timeout: 90_000 }).toMatch(/10 of 10/);
    expect(await text('.top')).toMatch(/LST \d\d:\d\d:\d\d[\s\S]*Sun/);
  }, 120_000);
  it('leads to a telescope by its glyph', async () => {
    await page.locator('.plan a', { hasText: 'AST3' }).click();
    await page.getByRole('heading', { name: 'AST3', level: 1 }).waitFor();
    await expect.poll(() => page.locator('.lane canvas').count(), { timeout: 15_000 }).toBe(5);
    await expect.poll(() => text('aside[aria-label="All points of AST3"]')).toMatch(/camera\.coolant_temperature/);
  });
});

describe('keys', () => {
  it('find a point by three letters of each word and open it', async () => {
    await go(page, 'array');
    await page.locator('main').focus();
    await page.keyboard.press('/');
    await page.keyboard.type('ast3 pdm07 temp');
    await page.getByRole('option', { name: 'ast3.camera.pdm07.temperature' }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'ast3.camera.pdm07.temperature' }).waitFor();
  });
  it('go to pages, change the palette, show themselves and can be switched off', async () => {
    await page.locator('main').focus();
    await page.keyboard.press('g');
    await page.keyboard.press('l');
    await page.getByRole('heading', { name: 'Pipeline health' }).waitFor({ state: 'attached' });
    await page.locator('main').focus();
    await page.keyboard.press('p');
    expect(await page.evaluate(() => document.documentElement.dataset['palette'])).toBe('day');
    await page.keyboard.press('?');
    await page.getByRole('dialog').getByRole('checkbox').uncheck();
    await page.keyboard.press('Escape');
    await page.locator('main').focus();
    await page.keyboard.press('p');
    expect(await page.evaluate(() => document.documentElement.dataset['palette'])).toBe('day');
    await page.keyboard.press('?');
    await page.getByRole('dialog').getByRole('checkbox').check();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Dark' }).click();
  });
});

describe('Point', () => {
  it('shows value, limits, trends, raw samples and where it comes from', async () => {
    await go(page, 'point/ast3.camera.pdm07.temperature');
    await expect.poll(() => text('.value'), { timeout: 15_000 }).toMatch(/^\d+\.\d\d$/);
    await expect.poll(() => page.locator('section[aria-label="Now"] tbody tr').count(), { timeout: 15_000 }).toBeGreaterThan(10);
    await expect.poll(() => page.locator('main canvas').count()).toBe(2);
    expect(await text('section[aria-label="Identity and source"]')).toMatch(/ast3\.opcua[\s\S]*ns=2;s=ast3\.camera\.pdm07\.temperature/);
    await expect.poll(() => page.locator('.fleet a').count()).toBe(9);
  });
  it('of an unknown name says so', async () => {
    await go(page, 'point/ast3.no.such');
    await page.getByText('There is no point').waitFor();
  });
});

describe('Trends', () => {
  it('zoom by dragging, go back, and keep all of it in the address', async () => {
    await go(page, 'trends');
    await expect.poll(() => page.locator('main canvas').count(), { timeout: 15_000 }).toBe(6);
    await expect.poll(() => page.getByText('loading …').count(), { timeout: 15_000 }).toBe(0);
    const box = await plotBox();
    await page.mouse.move(box.x + box.width * 0.3, box.y + 60);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, box.y + 60, { steps: 5 });
    await page.mouse.up();
    await page.getByText('FIXED, locked').waitFor();
    const address = page.url();
    expect(address).toMatch(/from=\d{4}-\d\d-\d\dT[\d:.]+&to=/);
    await page.keyboard.press('1');
    await expect.poll(() => page.url()).toMatch(/[?&]a=\d{16}/);
    const linked = await page.context().newPage();
    await linked.goto(page.url());
    await linked.getByText('FIXED, locked').waitFor();
    await linked.close();
    await page.locator('main').focus();
    await page.keyboard.press('h');
    await expect.poll(() => page.getByText('FIXED, locked').count()).toBe(0);
  });
  it('keep the range being drawn out while limits and data arrive', async () => {
    let release = (): void => undefined;
    const later = new Promise<void>((done) => (release = done));
    await page.route('**/graphql', async (route) => {
      if (route.request().postData()?.includes('limitsHistory')) await later;
      await route.continue();
    });
    await go(page, 'array');
    await go(page, 'trends?range=10m');
    await expect.poll(() => page.locator('main canvas').count(), { timeout: 15_000 }).toBe(6);
    await expect.poll(() => page.getByText('loading …').count(), { timeout: 15_000 }).toBe(0);
    await page.evaluate(() => {
      for (const e of document.querySelectorAll<HTMLElement>('.uplot')) e.dataset['stood'] = 'yes';
    });
    const box = await plotBox();
    await page.mouse.move(box.x + box.width * 0.3, box.y + 60);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 60, { steps: 5 });
    const known = page.waitForResponse((r) => r.request().postData()?.includes('limitsHistory') ?? false);
    release();
    await known;
    const range = (): Promise<string> => text('aside[aria-label="Cursors and drawing"] dl:last-of-type dd');
    for (let i = 0; i < 2; i++) {
      const before = await range();
      await expect.poll(range, { timeout: 15_000 }).not.toBe(before);
    }
    await page.mouse.move(box.x + box.width * 0.6, box.y + 60, { steps: 5 });
    await page.mouse.up();
    await page.getByText('FIXED, locked').waitFor();
    expect(await page.locator('.uplot[data-stood]').count()).toBe(6);
    await page.unroute('**/graphql');
    await page.locator('main').focus();
    await page.keyboard.press('h');
    await expect.poll(() => page.getByText('FIXED, locked').count()).toBe(0);
  });
  it('follow the hand that pans, while data arrive, and stay where it leaves them', async () => {
    await go(page, 'trends?range=10m');
    await expect.poll(() => page.getByText('loading …').count(), { timeout: 15_000 }).toBe(0);
    await page.evaluate(() => {
      for (const e of document.querySelectorAll<HTMLElement>('.uplot')) e.dataset['panned'] = 'yes';
    });
    const box = await plotBox();
    const shifted = (): Promise<string[]> =>
      page.locator('.shift canvas').evaluateAll((all) => all.map((e) => (e as HTMLElement).style.transform));
    await page.mouse.move(box.x + box.width / 2, box.y + 60);
    await page.mouse.down({ button: 'middle' });
    await page.mouse.move(box.x + box.width / 2 + 50, box.y + 60);
    await expect.poll(shifted).toHaveLength(6);
    const range = (): Promise<string> => text('aside[aria-label="Cursors and drawing"] dl:last-of-type dd');
    const before = await range();
    await expect.poll(range, { timeout: 15_000 }).not.toBe(before);
    await page.mouse.move(box.x + box.width / 2 + 100, box.y + 60);
    await expect.poll(async () => (await shifted())[0]).toMatch(/translateX\(\d+(\.\d)?px\)/);
    expect(await page.locator('.uplot[data-panned]').count()).toBe(6);
    await page.mouse.up({ button: 'middle' });
    await page.getByText('FIXED, locked').waitFor();
    await expect.poll(shifted).toEqual([]);
    const q = new URLSearchParams((new URL(page.url()).hash || '').split('?')[1] ?? '');
    const [from, to] = ['from', 'to'].map((k) => Date.parse(`${q.get(k) ?? ''}Z`)) as [number, number];
    expect(to - from).toBeGreaterThan(599_990);
    expect(to - from).toBeLessThan(600_010);
    const back = Date.now() - to;
    expect(back).toBeGreaterThan(600_000 * (90 / box.width));
    await page.locator('main').focus();
    await page.keyboard.press('h');
    await expect.poll(() => page.getByText('FIXED, locked').count()).toBe(0);
  });
  it('add and remove plots', async () => {
    await page.getByRole('button', { name: 'Add point' }).click();
    await page.getByLabel('Point to add').fill('weather hum');
    await page.getByRole('option', { name: 'site.weather.humidity' }).waitFor({ timeout: 15_000 });
    await page.keyboard.press('Enter');
    await expect.poll(() => page.locator('main canvas').count(), { timeout: 15_000 }).toBe(7);
    await page.getByRole('button', { name: 'Remove the plot of site.weather.humidity' }).click();
    await expect.poll(() => page.locator('main canvas').count()).toBe(6);
  });
});

describe('time', () => {
  it('held by space shows the archive and locks writes', async () => {
    await go(page, 'array');
    await expect.poll(() => page.locator('.matrix tbody tr').count(), { timeout: 20_000 }).toBe(10);
    await page.locator('main').focus();
    await page.keyboard.press('[');
    await page.getByText('FIXED, locked').waitFor();
    const cell = '.matrix tbody tr:first-child td:nth-child(3)';
    await expect.poll(() => text(cell), { timeout: 15_000 }).toMatch(/\d/);
    const held = await text('.matrix tbody');
    await page.waitForFunction((t) => document.querySelector('.lamps')?.textContent !== t, await text('.lamps'), { timeout: 5000 });
    expect(await text('.matrix tbody')).toBe(held);
    await go(page, (new URL(page.url()).hash || '').replace('#array', 'pipeline'));
    await page.getByText('locked: the time is FIXED').waitFor();
    await page.keyboard.press('Space');
    await page.getByText('locked: the time is FIXED').waitFor({ state: 'detached' });
  });
});

describe('Pipeline and configuration', () => {
  it('account for every hop and give operators their buttons', async () => {
    await go(page, 'pipeline');
    await expect.poll(() => text('main'), { timeout: 15_000 }).toMatch(/collector\.receive[\s\S]+dispatcher\.store/);
    await page.getByRole('button', { name: 'restart dispatcher' }).click();
    await page.getByLabel('Reason for restart').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
  });
  it('show documents with their text; who may not edit cannot', async () => {
    await go(page, 'configuration/telescopes.yaml');
    await expect.poll(() => text('[aria-label="Text of the document"]'), { timeout: 15_000 }).toMatch(/ast1/);
    expect(await page.getByRole('button', { name: 'Edit', exact: true }).isDisabled()).toBe(USER === 'operator');
    await expect.poll(() => page.locator('section[aria-label="Revisions"] li').count()).toBeGreaterThan(0);
  });
});

it('the browser had nothing to complain about', () => {
  expect(complaints.filter((c) => !c.includes('401'))).toEqual([]);
});
