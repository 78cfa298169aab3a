// A local HTTP server of a few files that can misbehave on request. Not a test: the download and source tests use it.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HttpFolder {
  /** Address of the folder, ending in a slash. */
  readonly address: string;
  /** `METHOD /path range` of each request so far. */
  readonly requests: string[];
  close(): Promise<void>;
}

/** Answers a request itself; undefined: the file is served as usual. */
export type Misbehaviour = (
  request: IncomingMessage,
  response: ServerResponse,
  requestNumber: number,
) => true | undefined;

export async function serveFolder(
  files: Readonly<Record<string, Uint8Array>>,
  misbehave: Misbehaviour = () => undefined,
): Promise<HttpFolder> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url} ${request.headers.range ?? ''}`.trimEnd());
    if (misbehave(request, response, requests.length)) return;
    serveFile(files[(request.url ?? '').slice(1)], request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}/`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function serveFile(file: Uint8Array | undefined, request: IncomingMessage, response: ServerResponse): void {
  if (file === undefined) {
    response.writeHead(404).end('no such file');
    return;
  }
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? -1);
  if (start >= file.length) {
    response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end();
  } else if (start >= 0) {
    response.writeHead(206, {
      'content-range': `bytes ${start}-${file.length - 1}/${file.length}`,
      'content-length': file.length - start,
    });
    response.end(file.subarray(start));
  } else {
    response.writeHead(200, { 'content-length': file.length }).end(file);
  }
}
