import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

// In development the HMI is served by Vite and talks to a platform started with `mla up --demo`.
const backend = process.env['MLA_BACKEND'] ?? 'http://127.0.0.1:8000';
const proxy = Object.fromEntries(
  ['/graphql', '/auth', '/export', '/readyz', '/healthz'].map((path) => [path, { target: backend, ws: path === '/graphql' }]),
);

/** Lays a .gz and a .br beside every text file, so that the backend compresses nothing while it serves. */
function packed(): Plugin {
  return {
    name: 'packed',
    apply: 'build',
    closeBundle() {
      const files = readdirSync('dist', { recursive: true, encoding: 'utf8' }).filter((f) => /\.(js|css|svg|html)$/.test(f));
      for (const path of files.map((f) => join('dist', f))) {
        const bytes = readFileSync(path);
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
        writeFileSync(`${path}.br`, brotliCompressSync(bytes));
      }
    },
  };
}

/** Lets the browser fetch the application and its style while it reads the small entry that asks the first question. */
function preloaded(): Plugin {
  return {
    name: 'preloaded',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(html, { bundle }) {
        const chunks = Object.values(bundle ?? {}).filter((c) => c.type === 'chunk');
        const entry = chunks.find((c) => c.isEntry);
        const files = new Set<string>();
        const styles = new Set<string>();
        const take = (name: string): void => {
          const chunk = chunks.find((c) => c.fileName === name);
          if (!chunk || files.has(name) || chunk === entry) return;
          files.add(name);
          chunk.viteMetadata?.importedCss.forEach((css) => styles.add(css));
          chunk.imports.forEach(take);
        };
        entry?.dynamicImports.forEach(take);
        const links = [
          ...[...files].map((f) => `<link rel="modulepreload" crossorigin href="./${f}">`),
          ...[...styles].map((f) => `<link rel="stylesheet" crossorigin href="./${f}">`),
        ];
        return html.replace('</head>', `  ${links.join('\n    ')}\n  </head>`);
      },
    },
  };
}

export default defineConfig({
  plugins: [svelte(), preloaded(), packed()],
  base: './',
  build: {
    outDir: 'dist',
    target: 'es2022',
    sourcemap: false,
    license: { fileName: 'licenses.md' },
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { host: '127.0.0.1', proxy },
  preview: { host: '127.0.0.1', proxy },
  resolve: process.env['VITEST'] ? { conditions: ['browser'] } : {},
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
});
