// Opens what a bundler has built in headless Chromium. Invariant: the page is isolated across origins, as threads need, and its content
// security policy allows WebAssembly and no other code made at run time.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { toolsFolder } from './check.ts';

const LIMIT_MS = 60_000;
const POLL_MS = 50;
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
};
const headers = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'content-security-policy': "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'",
};

/** The part of playwright-core that is used here: its package is not the project's own. */
interface Playwright {
  readonly chromium: {
    launch(options: { executablePath: string; args: readonly string[] }): Promise<{
      newPage(): Promise<{
        on(event: 'console' | 'pageerror', listener: (message: { text?(): string }) => void): void;
        goto(url: string): Promise<unknown>;
        evaluate(code: string): Promise<unknown>;
      }>;
      close(): Promise<void>;
    }>;
  };
}

/** Debian's Chromium, or what CHROMIUM names. */
export function chromiumPath(): string | undefined {
  return [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
    (file) => file && existsSync(file),
  );
}

/**
 * Serves a folder, opens its index.html, and waits until the page has left something as `found`.
 *
 * @param folder Holds index.html
 * @returns What the page left
 */
export async function openPage(folder: string): Promise<unknown> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
    const file = pathname === '/' ? '/index.html' : pathname;
    readFile(path.join(folder, file)).then(
      (bytes) => {
        const type = types[path.extname(file)] ?? 'application/octet-stream';
        response.writeHead(200, { ...headers, 'content-type': type }).end(bytes);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const library = path.join(toolsFolder, 'node_modules', 'playwright-core', 'index.mjs');
  const { chromium } = (await import(pathToFileURL(library).href)) as Playwright;
  // As root, which containers often are, Chromium wants no sandbox.
  const browser = await chromium.launch({ executablePath: chromiumPath()!, args: ['--no-sandbox'] });
  const said: string[] = [];
  try {
    const page = await browser.newPage();
    page.on('console', (message) => said.push(message.text?.() ?? ''));
    page.on('pageerror', (error) => said.push(String(error)));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    // The policy forbids what Playwright's own way of waiting needs.
    for (const start = performance.now(); performance.now() - start < LIMIT_MS; await wait(POLL_MS)) {
      const found = await page.evaluate('globalThis.found');
      if (found !== undefined) return found;
    }
    throw new Error('The page has found nothing');
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${said.join('\n')}`);
  } finally {
    await browser.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
