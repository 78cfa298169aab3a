// The platform interface on Bun: that of Node, whose modules Bun emulates, but for the names and what Bun leaves out.
// Invariant: nothing here starts a process of another runtime.
import { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { httpAddress, listenError, STOP_LIMIT_MS } from './http-server.ts';
import { platform as node } from './node.ts';
import { inSignalContext, reportSignalAsCode } from './node-signals.ts';
import type { HttpAnswer, HttpPlace, HttpServer, Platform } from './platform.ts';

interface BunServer {
  readonly port: number;
  stop(closeActive: boolean): Promise<void>;
}

const bun = (
  globalThis as unknown as {
    Bun: {
      version: string;
      serve(options: { fetch: HttpAnswer; hostname: string; port: number }): BunServer;
    };
  }
).Bun;

async function serve(answer: HttpAnswer, place: HttpPlace): Promise<HttpServer> {
  try {
    const server = bun.serve({ fetch: answer, hostname: place.host, port: place.port });
    return {
      url: httpAddress({ ...place, port: server.port }),
      stop: async () => {
        const late = setTimeout(() => server.stop(true), STOP_LIMIT_MS);
        await server.stop(false);
        clearTimeout(late);
      },
    };
  } catch (error) {
    throw listenError(place, error);
  }
}

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
  runtime: { name: 'bun', version: bun.version },
  serve,
  scriptCommand: (script) => ({ command: process.execPath, args: ['--bun', fileURLToPath(script)] }),
  withSignalExitCodes: (body) => {
    hookStarts();
    return inSignalContext(body);
  },
};
