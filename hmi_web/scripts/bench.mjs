/**
 * Speed in a real browser on a running platform, as JSON: the Array page usable, a value on its way to the pixel, twenty plots panned,
 * heap growth. MLA_URL, MLA_USER and MLA_PASSWORD say where; MLA_BENCH_SECONDS how long the live parts last (default 40).
 */
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const url = process.env.MLA_URL ?? 'http://127.0.0.1:8000';
const seconds = Number(process.env.MLA_BENCH_SECONDS ?? 40);
const executablePath = [process.env.MLA_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (p) => p && existsSync(p),
);
const browser = await chromium.launch({ executablePath, args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run'] });
const context = await browser.newContext({ viewport: { width: 1600, height: 1000 } });
const page = await context.newPage();
const CELL = '.matrix tbody tr:first-child td:nth-of-type(1)';

const sorted = (xs) => [...xs].sort((a, b) => a - b);
const quantile = (xs, q) => sorted(xs)[Math.min(xs.length - 1, Math.floor(xs.length * q))] ?? null;
const round = (x, digits = 0) => (x === null ? null : Number(x.toFixed(digits)));

/** Milliseconds from navigation until numbers stand in the matrix and on the site column, seen from within the page. */
async function usable() {
  await page.goto('about:blank');
  await page.addInitScript((cell) => {
    const look = () => {
      const seen = /\d/.test(document.querySelector(cell)?.textContent ?? '');
      if (seen) window.benchUsable = performance.now();
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, CELL);
  await page.goto(`${url}/`);
  await page.waitForFunction(() => window.benchUsable, null, { timeout: 30_000 });
  return page.evaluate(() => window.benchUsable);
}

/** A second reader, at 50 Hz, tells when a value was in the hot queue; the page tells when its text was drawn. One clock for both. */
async function toPixel() {
  const ear = await context.newPage();
  await ear.goto(`${url}/healthz`);
  await page.goto(`${url}/`);
  await page.waitForFunction((cell) => /\d/.test(document.querySelector(cell)?.textContent ?? ''), CELL);
  await ear.evaluate(() => {
    window.heard = [];
    const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    socket.onopen = () => socket.send(JSON.stringify({ type: 'connection_init' }));
    socket.onmessage = (e) => {
      const m = JSON.parse(e.data);
      if (m.type === 'ping') socket.send(JSON.stringify({ type: 'pong' }));
      if (m.type === 'connection_ack')
        socket.send(
          JSON.stringify({
            id: '1',
            type: 'subscribe',
            payload: { query: 'subscription { live(points: ["ast1.mount.azimuth"], maxHz: 50) { columns } }' },
          }),
        );
      if (m.type === 'next') for (const v of m.payload.data.live.columns.v) window.heard.push([Date.now(), v]);
    };
  });
  await page.evaluate((cell) => {
    window.drawn = [];
    let before = document.querySelector(cell).textContent.trim();
    const look = () => {
      const text = document.querySelector(cell)?.textContent.trim() ?? '';
      if (text !== before) window.drawn.push([Date.now(), text.replace('−', '-').replace(/[^\d.-]/g, '')]);
      before = text;
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, CELL);
  await page.waitForTimeout(seconds * 1000);
  const [heard, drawn] = [await ear.evaluate(() => window.heard), await page.evaluate(() => window.drawn)];
  await ear.close();
  return drawn.flatMap(([at, text]) => {
    const source = heard.filter(([t, v]) => t <= at && v.toFixed(2) === text).at(-1);
    return source ? [at - source[0]] : [];
  });
}

/** Twenty plots of 2000 buckets dragged by the middle button: frames drawn per second while the pointer moves. */
async function pan() {
  const names = Array.from(
    { length: 20 },
    (_, i) => `ast${(i % 9) + 1}.mount.${i < 9 ? 'azimuth_motor_current' : i < 18 ? 'following_error' : 'azimuth'}`,
  );
  const points = [...new Set(names)].slice(0, 20);
  await page.goto(`${url}/#trends?detail=2000&range=1h&points=${points.join(',')}`);
  await page.reload();
  await page.waitForFunction((n) => document.querySelectorAll('main canvas').length === n, points.length, { timeout: 60_000 });
  await page.waitForTimeout(4000);
  const box = await page.locator('.u-over').first().boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + 30);
  await page.mouse.down({ button: 'middle' });
  const counting = page.evaluate(
    () =>
      new Promise((done) => {
        const times = [];
        const step = (t) => {
          times.push(t);
          if (t - times[0] < 5000) requestAnimationFrame(step);
          else done(times);
        };
        requestAnimationFrame(step);
      }),
  );
  let moving = true;
  const mover = (async () => {
    for (let i = 0; moving; i++) await page.mouse.move(box.x + box.width / 2 + 80 * Math.sin(i / 9), box.y + 30);
  })();
  const times = await counting;
  moving = false;
  await mover;
  await page.mouse.up({ button: 'middle' });
  const gaps = times.slice(1).map((t, i) => t - times[i]);
  return {
    plots: points.length,
    fps: round((times.length - 1) / ((times.at(-1) - times[0]) / 1000), 1),
    frameP95: round(quantile(gaps, 0.95), 1),
  };
}

/** Bytes in use after collecting garbage, at the beginning and the end of a while at full rate. */
async function heap() {
  const cdp = await context.newCDPSession(page);
  const used = async () => {
    await cdp.send('HeapProfiler.collectGarbage');
    return (await cdp.send('Runtime.getHeapUsage')).usedSize;
  };
  await page.goto(`${url}/#array`);
  await page.reload();
  await page.waitForTimeout(15_000);
  const before = await used();
  await page.waitForTimeout(seconds * 1000);
  const after = await used();
  return { seconds, before, after, growth: round(((after - before) / before) * 100, 2) };
}

try {
  await page.goto(`${url}/`);
  await page.getByLabel('User').fill(process.env.MLA_USER ?? 'operator');
  await page.getByLabel('Password').fill(process.env.MLA_PASSWORD ?? '');
  await page.getByLabel('Password').press('Enter');
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
  const times = [];
  for (let i = 0; i < 5; i++) times.push(await usable());
  const delays = await toPixel();
  const result = {
    arrayUsableMs: { median: round(quantile(times, 0.5)), worst: round(Math.max(...times)) },
    queueToPixelMs: { p50: round(quantile(delays, 0.5)), p99: round(quantile(delays, 0.99)), values: delays.length },
    pan: await pan(),
    heap: await heap(),
  };
  console.log(JSON.stringify(result, null, 1));
} finally {
  await browser.close();
}
