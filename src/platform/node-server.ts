// The HTTP server of Node, with web requests and responses. Not here: Bun and Deno, which have servers of that kind themselves.
// Invariant: loaded only when something is served.
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { httpAddress, listenError, STOP_LIMIT_MS } from './http-server.ts';
import type { HttpAnswer, HttpPlace, HttpServer } from './platform.ts';

/** Listens until it is stopped. */
export async function serve(answer: HttpAnswer, place: HttpPlace): Promise<HttpServer> {
  const server = createAdaptorServer({ fetch: answer, overrideGlobalObjects: false }) as Server;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError(place, error)));
    server.listen(place.port, place.host, resolve);
  });
  return {
    url: httpAddress({ ...place, port: (server.address() as AddressInfo).port }),
    stop: () =>
      new Promise((resolve) => {
        const late = setTimeout(() => server.closeAllConnections(), STOP_LIMIT_MS);
        server.close(() => {
          clearTimeout(late);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}
