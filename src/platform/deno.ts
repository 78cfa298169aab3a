// The platform interface on Deno: that of Node, whose modules Deno emulates, but for the names.
// Invariant: nothing here starts a process of another runtime.
import { fileURLToPath } from 'node:url';
import { httpAddress, listenError, STOP_LIMIT_MS } from './http-server.ts';
import { platform as node } from './node.ts';
import type { HttpAnswer, HttpPlace, HttpServer, Platform } from './platform.ts';

interface DenoServer {
  readonly addr: { readonly port: number };
  shutdown(): Promise<void>;
}

const deno = (
  globalThis as unknown as {
    Deno: {
      version: { deno: string };
      serve(
        options: { hostname: string; port: number; signal: AbortSignal; onListen(): void },
        answer: HttpAnswer,
      ): DenoServer;
    };
  }
).Deno;

async function serve(answer: HttpAnswer, place: HttpPlace): Promise<HttpServer> {
  const stop = new AbortController();
  const options = { hostname: place.host, port: place.port, signal: stop.signal, onListen: () => {} };
  try {
    const server = deno.serve(options, (request) => answer(request));
    return {
      url: httpAddress({ ...place, port: server.addr.port }),
      stop: async () => {
        const late = setTimeout(() => stop.abort(), STOP_LIMIT_MS);
        await server.shutdown();
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
  runtime: { name: 'deno', version: deno.version.deno },
  serve,
  // What this process may do, its own scripts may do; Deno tells nobody with which permissions it was started.
  scriptCommand: (script) => ({ command: process.execPath, args: ['run', '--allow-all', fileURLToPath(script)] }),
};
