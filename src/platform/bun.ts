// The platform interface on Bun: that of Node, whose modules Bun emulates, but for the names and what Bun leaves out.
// Invariant: nothing here starts a process of another runtime.
import { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { platform as node } from './node.ts';
import { inSignalContext, reportSignalAsCode } from './node-signals.ts';
import type { Platform } from './platform.ts';

const { version } = (globalThis as unknown as { Bun: { version: string } }).Bun;

type Startable = ChildProcess & { spawn(options: unknown): unknown };
const children = ChildProcess.prototype as Startable;
const { spawn } = children;
let isHooked = false;

/** Bun publishes no diagnostics of child processes, so the method that starts one is the place. */
function hookStarts(): void {
  if (isHooked) return;
  isHooked = true;
  children.spawn = function (this: Startable, options) {
    reportSignalAsCode(this);
    return spawn.call(this, options);
  };
}

export const platform: Platform = {
  ...node,
  runtime: { name: 'bun', version },
  scriptCommand: (script) => ({ command: process.execPath, args: ['--bun', fileURLToPath(script)] }),
  withSignalExitCodes: (body) => {
    hookStarts();
    return inSignalContext(body);
  },
};
