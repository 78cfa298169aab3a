// Finds the platform by asking the runtime what it is. Bundles for one kind of runtime take that one's file in place of this one.
// Invariant: told by what the runtime is, not by how it was called: Bun, Deno and Cloudflare all answer to `process`.
import type { Platform } from './platform.ts';

async function findPlatform(): Promise<Platform> {
  if ('Bun' in globalThis) return (await import('./bun.ts')).platform;
  if ('Deno' in globalThis) return (await import('./deno.ts')).platform;
  if (globalThis.navigator?.userAgent === 'Cloudflare-Workers' || 'EdgeRuntime' in globalThis) {
    return (await import('./edge.ts')).platform;
  }
  if (typeof process === 'object' && process.versions?.node) return (await import('./node.ts')).platform;
  return (await import('./browser.ts')).platform;
}

export const platform: Platform = await findPlatform();
