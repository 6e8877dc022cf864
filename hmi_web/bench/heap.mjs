import { enter, filled, round, URL_ } from './browser.mjs';

const LOOKS = 6;

/** Lets the page's clock and timers run `factor` times as fast, as those of the platform it looks at do. */
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
  for (const name of ['setTimeout', 'setInterval']) {
    const real = window[name].bind(window);
    window[name] = (work, ms = 0, ...args) => real(work, ms / factor, ...args);
  }
  const Socket = window.WebSocket;
  window.heard = 0;
  window.WebSocket = class extends Socket {
    constructor(...args) {
      super(...args);
      window.opened = (window.opened ?? 0) + 1;
      this.addEventListener('message', (e) => {
        if (e.data.includes('"live"')) window.heard += 1;
      });
    }
  };
}

/**
 * The Array page, everything changing, until it took so many live messages: bytes in use after collecting garbage, first after a tenth of
 * them, when caches are full, then at equal distances to the end.
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
    await page.waitForFunction((n) => window.heard >= n, wanted, { timeout: 0, polling: 'raf' });
    await cdp.send('HeapProfiler.collectGarbage');
    await cdp.send('HeapProfiler.collectGarbage');
    looks.push((await cdp.send('Runtime.getHeapUsage')).usedSize);
  }
  const [heard, opened] = await page.evaluate(() => [window.heard, window.opened]);
  await page.context().close();
  const [first, last] = [looks[0], looks.at(-1)];
  return {
    messages: heard,
    sockets: opened,
    seconds: round((Date.now() - begun) / 1000),
    bytes: looks,
    growthPercent: round(((last - first) / first) * 100, 2),
  };
}
