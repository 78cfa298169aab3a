#!/usr/bin/env node
// Starts the command line. Runtimes that run TypeScript themselves import it directly; Node goes through tsx.
const entry = new URL('../src/cli/main.ts', import.meta.url).href;
const runsTypeScript = 'Bun' in globalThis || 'Deno' in globalThis;
if (!runsTypeScript) (await import('tsx/esm/api')).register();
await import(entry);
