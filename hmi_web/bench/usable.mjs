import { CELL, enter, quantile, round, URL_ } from './browser.mjs';

const TIMES = 9;

/** Milliseconds from navigation until numbers stand on the Array page, seen from within: the files are in the browser's cache. */
export async function usable(browser) {
  const page = await enter(browser);
  await page.addInitScript((cell) => {
    const look = () => {
      if (/\d/.test(document.querySelector(cell)?.textContent ?? '')) {
        // the first task after the frame: laid out and painted
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => {
          window.benchUsable = performance.now();
        };
        port2.postMessage(0);
      } else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, CELL);
  const times = [];
  const steps = [];
  for (let i = 0; i < TIMES; i++) {
    await page.goto('about:blank');
    await page.goto(`${URL_}/`);
    await page.waitForFunction(() => window.benchUsable, null, { timeout: 30_000 });
    times.push(await page.evaluate(() => window.benchUsable));
    steps.push(await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null));
  }
  await page.context().close();
  return { median: round(quantile(times, 0.5)), worst: round(Math.max(...times)), firstPaint: round(quantile(steps, 0.5)) };
}
