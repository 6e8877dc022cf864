/**
 * All code of the Array page, compressed: index.html, what it loads, and what that imports at once. Fails above 120 kB.
 * Lazy pages are not counted: they come when they are opened.
 */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const LIMIT = 120_000;
const seen = new Set();

function take(file) {
  if (seen.has(file)) return;
  seen.add(file);
  if (!file.endsWith('.js')) return;
  const code = readFileSync(join('dist', file), 'utf8');
  for (const [, name] of code.matchAll(/(?:^|[;}\s])(?:import|export)(?:[^;()"']*?from)?\s*["']\.\/([^"']+)["']/g)) take(`assets/${name}`);
}

const html = readFileSync('dist/index.html', 'utf8');
seen.add('index.html');
for (const [, file] of html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)) take(file);
let total = 0;
for (const file of seen) {
  const size = statSync(join('dist', `${file}.gz`)).size;
  total += size;
  console.log(`${String(size).padStart(8)}  ${file}`);
}
console.log(`${String(total).padStart(8)}  first load of the Array page, gzip`);
if (total > LIMIT) {
  console.error(`more than ${LIMIT} bytes: load something later`);
  process.exit(1);
}
