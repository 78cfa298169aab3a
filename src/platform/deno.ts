// The platform interface on Deno: that of Node, whose modules Deno emulates, but for the names.
// Invariant: nothing here starts a process of another runtime.
import { fileURLToPath } from 'node:url';
import { platform as node } from './node.ts';
import type { Platform } from './platform.ts';

const { version } = (globalThis as unknown as { Deno: { version: { deno: string } } }).Deno;

export const platform: Platform = {
  ...node,
  runtime: { name: 'deno', version: version.deno },
  // What this process may do, its own scripts may do; Deno tells nobody with which permissions it was started.
  scriptCommand: (script) => ({ command: process.execPath, args: ['run', '--allow-all', fileURLToPath(script)] }),
};
