import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// In development the HMI is served by Vite and talks to a platform started with `mla up --demo`.
const backend = process.env['MLA_BACKEND'] ?? 'http://127.0.0.1:8000';
const proxy = Object.fromEntries(
  ['/graphql', '/auth', '/export', '/readyz', '/healthz'].map((path) => [path, { target: backend, ws: path === '/graphql' }]),
);

export default defineConfig({
  plugins: [svelte()],
  base: './',
  build: { outDir: 'dist', target: 'es2022', sourcemap: false, assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: { host: '127.0.0.1', proxy },
  preview: { host: '127.0.0.1', proxy },
  resolve: process.env['VITEST'] ? { conditions: ['browser'] } : {},
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
});
