import { enter, quantile, round, URL_ } from './browser.mjs';

const QUANTITIES = ['azimuth_motor_current', 'following_error', 'elevation_motor_current'];
const POINTS = Array.from({ length: 20 }, (_, i) => `ast${((i % 9) + 1).toString()}.mount.${QUANTITIES[Math.floor(i / 9)]}`);

/** Twenty plots of 2000 buckets dragged by the middle button: frames drawn per second while the pointer moves. */
export async function pan(browser) {
  const page = await enter(browser);
  await page.goto(`${URL_}/#trends?detail=2000&range=1h&points=${POINTS.join(',')}`);
  await page.reload();
  await page.waitForFunction((n) => document.querySelectorAll('main canvas').length === n, POINTS.length, { timeout: 60_000 });
  await page.waitForTimeout(4000);
  const box = await page.locator('.u-over').first().boundingBox();
  const x = box.x + box.width / 2;
  await page.mouse.move(x, box.y + 30);
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
    for (let i = 0; moving; i++) await page.mouse.move(x + 80 * Math.sin(i / 9), box.y + 30);
  })();
  const times = await counting;
  moving = false;
  await mover;
  await page.mouse.up({ button: 'middle' });
  // Frames of plots that do not follow the hand count nothing.
  await page.waitForURL(/from=.*to=/, { timeout: 10_000 });
  await page.context().close();
  const gaps = times.slice(1).map((t, i) => t - times[i]);
  return {
    plots: POINTS.length,
    fps: round((times.length - 1) / ((times.at(-1) - times[0]) / 1000), 1),
    frameP95Ms: round(quantile(gaps, 0.95), 1),
  };
}
