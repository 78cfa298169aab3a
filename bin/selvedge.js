#!/usr/bin/env node
// Starts the command line. On Node that is dist/program/, one file; in a checkout only while it is what the sources say, and for commands that
// read no TypeScript themselves, else the sources through tsx. Other runtimes take modules as they are, of sources where there are any.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

const source = new URL('../src/cli/main.ts', import.meta.url);
const isCheckout = existsSync(fileURLToPath(source));
const isNode = !('Bun' in globalThis || 'Deno' in globalThis);

/** They run what is in scripts/ and bench/, or other commands that do. */
const readTypeScript = ['bench', 'build', 'task'];

async function mayRunBuilt() {
  if (!isCheckout) return true;
  if (readTypeScript.includes(process.argv[2] ?? '')) return false;
  const { isFresh } = await import('../scripts/program.js');
  return isFresh(fileURLToPath(new URL('..', import.meta.url)));
}

if (isNode && (await mayRunBuilt())) {
  // From Node 22.1 on: what was compiled once is not compiled again.
  /** @type {{ enableCompileCache?: () => void }} */ (module).enableCompileCache?.();
  await import(new URL('../dist/program/main.js', import.meta.url).href);
} else if (isCheckout) {
  if (isNode) (await import('tsx/esm/api')).register();
  await import(source.href);
} else {
  await import('../dist/cli/main.js');
}
