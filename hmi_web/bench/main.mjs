/**
 * Speed in a real browser on a running platform, as one JSON object on standard output. Parts: usable, pixel, pan, heap; by default all
 * but pixel, which tells what was drawn when and is of use only to who feeds the platform: `mla bench browser` runs everything.
 * MLA_URL, MLA_USER and MLA_PASSWORD say where; MLA_BENCH_SECONDS, MLA_BENCH_MESSAGES and MLA_BENCH_FACTOR how long.
 */
import { launch } from './browser.mjs';
import { heap } from './heap.mjs';
import { pan } from './pan.mjs';
import { pixel } from './pixel.mjs';
import { usable } from './usable.mjs';

const number = (name, otherwise) => Number(process.env[name] ?? otherwise);
const PARTS = {
  usable,
  pixel: (browser) => pixel(browser, number('MLA_BENCH_SECONDS', 40)),
  pan,
  heap: (browser) => heap(browser, number('MLA_BENCH_MESSAGES', 400), number('MLA_BENCH_FACTOR', 1)),
};

const asked = process.argv.slice(2);
const browser = await launch();
try {
  const result = {};
  for (const name of asked.length ? asked : ['usable', 'pan', 'heap']) result[name] = await PARTS[name](browser);
  process.stdout.write(`${JSON.stringify(result)}\n`);
} finally {
  await browser.close();
}
