// The platform interface on Bun: that of Node, whose modules Bun emulates, but for the names and what Bun leaves out.
// Invariant: nothing here starts a process of another runtime.
import { fileURLToPath } from 'node:url';
import { httpAddress, listenError, STOP_LIMIT_MS } from './http-server.ts';
import { platform as node } from './node.ts';
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

export const platform: Platform = {
  ...node,
  gunzip: undefined,
  inflatesWithin: undefined,
  runtime: { name: 'bun', version: bun.version },
  serve,
  scriptCommand: (script) => ({ command: process.execPath, args: ['--bun', fileURLToPath(script)] }),
};
