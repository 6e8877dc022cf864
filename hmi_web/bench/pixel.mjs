import { CELL, enter, filled, URL_ } from './browser.mjs';

const POINT = 'ast1.mount.azimuth';

/** Notes when the socket brought which value of POINT. */
function listen(point) {
  const Socket = window.WebSocket;
  window.arrived = [];
  window.WebSocket = class extends Socket {
    constructor(...args) {
      super(...args);
      this.addEventListener('message', (e) => {
        const at = Math.round((performance.timeOrigin + performance.now()) * 1000);
        const live = JSON.parse(e.data).payload?.data?.live;
        const i = live?.points.indexOf(point) ?? -1;
        if (i >= 0) window.arrived.push([at, live.columns.v[i].toFixed(2)]);
      });
    }
  };
}

/**
 * What stood in one cell of the Array page, and when: microseconds UTC of the first task after the frame that drew it; and when the socket brought it. Whoever feeds the
 * platform knows when each value entered the hot queue; both read the clock of this machine.
 */
export async function pixel(browser, seconds) {
  const page = await enter(browser);
  await page.addInitScript(listen, POINT);
  await page.goto(`${URL_}/`);
  await filled(page);
  await page.waitForTimeout(3000);
  await page.evaluate((cell) => {
    window.drawn = [];
    let before = document.querySelector(cell).textContent.trim();
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = (e) => window.drawn.push([Math.round((performance.timeOrigin + performance.now()) * 1000), e.data]);
    const look = () => {
      const text = document.querySelector(cell)?.textContent.trim() ?? '';
      if (text !== before) port2.postMessage(text);
      before = text;
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, CELL);
  await page.waitForTimeout(seconds * 1000);
  const seen = await page.evaluate(() => ({ drawn: window.drawn, arrived: window.arrived }));
  await page.context().close();
  return seen;
}
