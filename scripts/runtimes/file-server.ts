// Serves the project's own built and shipped files to runtimes that read by HTTP, and the scripts that it is given. Invariant: of the disk
// nothing but the folders below is served.
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { root } from './runtime.ts';

const SERVED = /^\/(assets|build|data)\/([\w-][\w./-]*)$/;
const REPORTS = '/reports';
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.wasm': 'application/wasm',
};

export interface FileServerOptions {
  /** Of every answer. A content security policy is told to report to this server. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Files that are on no disk, by path. */
  readonly contents?: Readonly<Record<string, string>>;
  /** The whole data set, which is served as /data/. */
  readonly dataFolder?: string | undefined;
}

export interface FileServer {
  /** Ends in a slash. */
  readonly address: string;
  /** What browsers reported: violations of the content security policy. */
  readonly reports: readonly string[];
  close(): Promise<void>;
}

const textOf = async (request: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
};

/** Starts on a free port of this machine alone. */
export async function serveFiles(options: FileServerOptions = {}): Promise<FileServer> {
  const { contents = {}, dataFolder } = options;
  const headers = { ...options.headers };
  const policy = 'content-security-policy';
  if (headers[policy] !== undefined) headers[policy] += `; report-uri ${REPORTS}`;
  const reports: string[] = [];
  const read = async (pathname: string): Promise<Buffer> => {
    const content = contents[pathname];
    if (content !== undefined) return Buffer.from(content);
    const [, folder, file] = SERVED.exec(pathname) ?? [];
    if (!folder || !file) throw new Error('not served');
    if (folder !== 'data') return readFile(path.join(root, folder, file));
    if (dataFolder === undefined) throw new Error('there is no data');
    return readFile(path.join(dataFolder, file));
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // URL resolves `..` before it is looked at.
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
    if (request.method === 'POST' && pathname === REPORTS) {
      reports.push(await textOf(request));
      response.writeHead(204).end();
      return;
    }
    const bytes = await read(pathname);
    response.writeHead(200, {
      ...headers,
      'content-length': bytes.length,
      'content-type': types[path.extname(pathname)] ?? 'application/octet-stream',
    });
    response.end(request.method === 'HEAD' ? undefined : bytes);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.writeHead(404).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    reports,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
