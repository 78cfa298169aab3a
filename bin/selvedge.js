#!/usr/bin/env node
// Starts the command line: in the package its compiled modules; in a checkout its sources, which Node reads through tsx and other
// runtimes as they are.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const source = new URL('../src/cli/main.ts', import.meta.url);
if (existsSync(fileURLToPath(source))) {
  const readsTypeScript = 'Bun' in globalThis || 'Deno' in globalThis;
  if (!readsTypeScript) (await import('tsx/esm/api')).register();
  await import(source.href);
} else {
  await import('../dist/cli/main.js');
}
