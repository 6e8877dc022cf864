import { enter, filled, quantile, round, URL_ } from './browser.mjs';

const LOOKS = 10;
const ROUNDS = 8;
const THIRD = 3;

/**
 * Lets the page's clock and timers run `factor` times as fast, as those of the platform it looks at do. `hold(true)` stops the page for a
 * look at its memory: timers wait and live messages are let go, until `hold(false)`.
 */
function hasten(factor) {
  const Real = Date;
  const begun = Real.now();
  const now = () => begun + (Real.now() - begun) * factor;
  window.Date = class extends Real {
    constructor(...args) {
      if (args.length) super(...args);
      else super(now());
    }
    static now() {
      return now();
    }
  };
  let held = false;
  const waiting = new Set();
  for (const name of ['setTimeout', 'setInterval']) {
    const real = window[name].bind(window);
    window[name] = (work, ms = 0, ...args) => {
      const run = () => {
        if (held) waiting.add(run);
        else work(...args);
      };
      return real(run, ms / factor);
    };
  }
  window.hold = (on) => {
    held = on;
    const due = on ? [] : [...waiting];
    waiting.clear();
    for (const run of due) run();
  };
  const Socket = window.WebSocket;
  window.heard = 0;
  window.WebSocket = class extends Socket {
    constructor(...args) {
      super(...args);
      window.opened = (window.opened ?? 0) + 1;
      this.addEventListener('message', (e) => {
        if (!e.data.includes('"live"')) return;
        if (held) e.stopImmediatePropagation();
        else window.heard += 1;
      });
    }
  };
}

/**
 * Bytes that survive a collection, while the page is held. A collection leaves to the next one what waits to be finished, so it takes
 * several rounds; no round shows less than what is retained.
 */
async function retained(page, cdp) {
  await page.evaluate(() => window.hold(true));
  let least = Infinity;
  for (let i = 0; i < ROUNDS; i++) {
    await cdp.send('HeapProfiler.collectGarbage');
    least = Math.min(least, (await cdp.send('Runtime.getHeapUsage')).usedSize);
  }
  await page.evaluate(() => window.hold(false));
  return least;
}

/**
 * The Array page, everything changing, until it took so many live messages: bytes retained, first after a tenth of them, when caches and
 * histories of fixed length are full, then at equal distances to the end. Growth is that of the median of the last three looks over that
 * of the first three.
 */
export async function heap(browser, messages, factor) {
  const page = await enter(browser);
  const cdp = await page.context().newCDPSession(page);
  await page.addInitScript(hasten, factor);
  await page.goto(`${URL_}/#array`);
  await page.reload();
  await filled(page);
  const begun = Date.now();
  const looks = [];
  for (let i = 0; i < LOOKS; i++) {
    const wanted = messages * (0.1 + (0.9 * i) / (LOOKS - 1));
    await page.waitForFunction((n) => window.heard >= n, wanted, { timeout: 0, polling: 1000 });
    looks.push(await retained(page, cdp));
  }
  const [heard, opened] = await page.evaluate(() => [window.heard, window.opened]);
  await page.context().close();
  const [first, last] = [looks.slice(0, THIRD), looks.slice(-THIRD)].map((xs) => quantile(xs, 0.5));
  return {
    messages: heard,
    sockets: opened,
    seconds: round((Date.now() - begun) / 1000),
    bytes: looks,
    growthPercent: round(((last - first) / first) * 100, 2),
  };
}
