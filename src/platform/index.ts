// The platform this process runs on. Each runtime has a file of the same shape; only the one that is needed is loaded.
// Invariant: told by what the runtime is, not by how it was called: Bun and Deno both answer to `process` and to Node's modules.
import type { Platform } from './platform.ts';

export type * from './platform.ts';

async function findPlatform(): Promise<Platform> {
  if ('Bun' in globalThis) return (await import('./bun.ts')).bun;
  if ('Deno' in globalThis) return (await import('./deno.ts')).deno;
  return (await import('./node.ts')).node;
}

export const platform: Platform = await findPlatform();
