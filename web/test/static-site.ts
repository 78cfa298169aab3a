// A host as plain as can be: serves the built site under a path of its own, with the page's headers or, as many hosts do, with none.
// Not here: anything of the page. Invariant: of the disk nothing but the site is served, and what browsers report is kept.
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { pageHeaders } from '../site/headers.ts';

/** Where the site lies on the host: not at its root. */
const BASE = '/some/where/';
const REPORTS = '/reports';

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

export interface Site {
  readonly address: string;
  /** Violations of the policy, as browsers reported them; none where the host sends no headers. */
  readonly reports: readonly string[];
  /** Files of the site that were asked for. */
  readonly served: readonly string[];
  close(): Promise<void>;
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}

/**
 * Starts a host on a free port of this machine alone.
 *
 * @param folder The built site
 * @param options `hasHeaders`: whether the host sends the page's headers
 */
export async function serveSite(folder: string, { hasHeaders }: { readonly hasHeaders: boolean }): Promise<Site> {
  const reports: string[] = [];
  const served: string[] = [];
  const policy = `${pageHeaders['Content-Security-Policy']}; report-uri ${REPORTS}`;
  const headers = hasHeaders ? { ...pageHeaders, 'Content-Security-Policy': policy } : {};
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (request.method === 'POST' && pathname === REPORTS) {
      reports.push(await textOf(request));
      response.writeHead(204).end();
      return;
    }
    try {
      if (!pathname.startsWith(BASE)) throw new Error('not of the site');
      const name = pathname.slice(BASE.length) || 'index.html';
      const file = path.join(folder, name);
      const bytes = await readFile(file);
      const type = types[path.extname(file)] ?? 'application/octet-stream';
      served.push(name);
      response.writeHead(200, { ...headers, 'content-type': type, 'content-length': bytes.length });
      response.end(request.method === 'HEAD' ? undefined : bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}${BASE}`,
    reports,
    served,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
