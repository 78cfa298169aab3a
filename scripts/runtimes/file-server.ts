// Serves the project's own built and shipped files to runtimes that read by HTTP. Invariant: nothing but those two folders is served.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { root } from './runtime.ts';

const SERVED = /^\/(?:assets|build)\/[\w./-]+$/;

export interface FileServer {
  /** Ends in a slash. */
  readonly address: string;
  close(): Promise<void>;
}

/** Starts on a free port of this machine alone. */
export async function serveFiles(): Promise<FileServer> {
  const server = createServer((request, response) => {
    // URL resolves `..` before it is looked at.
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
    const content = SERVED.test(pathname)
      ? readFile(path.join(root, pathname))
      : Promise.reject(new Error('not served'));
    content.then(
      (bytes) => response.setHeader('content-length', bytes.length).end(request.method === 'HEAD' ? undefined : bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
