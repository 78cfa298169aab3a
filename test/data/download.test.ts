// Downloads against a local server that cuts, stalls and lies.
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import { type DownloadProgress, download } from '../../src/data/download.ts';
import { serveFolder } from './http-folder.ts';

const content = new Uint8Array(300_000).map((_, i) => (i * 31 + (i >> 8)) & 0xff);
const hash = createHash('sha256').update(content).digest('hex');

const test = suite<{ folder: string }>('download');
test.before.each(async (context) => {
  context.folder = await mkdtemp(path.join(os.tmpdir(), 'selvedge-download-'));
});
test.after.each(async ({ folder }) => {
  await rm(folder, { recursive: true });
});

async function codeOf(promise: Promise<void>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    assert.instance(error, SelvedgeError);
    return (error as SelvedgeError).code;
  }
  return assert.unreachable('expected a failure') as never;
}

const quick = { sha256: hash, retryDelayMs: 1, timeoutMs: 5000 };

test('download() lands the whole file and reports progress', async ({ folder }) => {
  const server = await serveFolder({ file: content });
  const target = path.join(folder, 'deep', 'file');
  const progress: DownloadProgress[] = [];
  await download({ ...quick, url: `${server.address}file`, target, onProgress: (step) => progress.push(step) });
  await server.close();
  assert.equal(new Uint8Array(await readFile(target)), content);
  assert.equal(await readdir(path.dirname(target)), ['file']);
  assert.equal(progress.at(-1), { name: 'file', receivedBytes: content.length, totalBytes: content.length });
});

test('download() goes on after a cut connection by asking for the rest only', async ({ folder }) => {
  const server = await serveFolder({ file: content }, (_, response, number) => {
    if (number > 1) return undefined;
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, 100_000), () => response.destroy());
    return true;
  });
  const target = path.join(folder, 'file');
  await download({ ...quick, url: `${server.address}file`, target });
  await server.close();
  assert.equal(new Uint8Array(await readFile(target)), content);
  assert.is(server.requests.length, 2);
  assert.match(server.requests[1]!, /^GET \/file bytes=[1-9]\d*-$/);
});

test('download() goes on with the part file of an earlier process', async ({ folder }) => {
  const server = await serveFolder({ file: content });
  const target = path.join(folder, 'file');
  await writeFile(`${target}.part`, content.subarray(0, 250_000));
  await download({ ...quick, url: `${server.address}file`, target });
  await server.close();
  assert.equal(server.requests, ['GET /file bytes=250000-']);
  assert.equal(new Uint8Array(await readFile(target)), content);
});

test('download() lands a part file that is already whole', async ({ folder }) => {
  const server = await serveFolder({ file: content });
  const target = path.join(folder, 'file');
  await writeFile(`${target}.part`, content);
  await download({ ...quick, url: `${server.address}file`, target });
  await server.close();
  assert.equal(await readdir(folder), ['file']);
});

test('download() starts afresh when the part file belongs to another file', async ({ folder }) => {
  const server = await serveFolder({ file: content });
  const target = path.join(folder, 'file');
  await writeFile(`${target}.part`, new Uint8Array(1000).fill(9));
  await download({ ...quick, url: `${server.address}file`, target });
  await server.close();
  assert.equal(server.requests, ['GET /file bytes=1000-', 'GET /file']);
  assert.equal(new Uint8Array(await readFile(target)), content);
});

test('download() takes the whole file from a server without ranges', async ({ folder }) => {
  const server = await serveFolder({ file: content }, (_, response) => {
    response.writeHead(200, { 'content-length': content.length }).end(content);
    return true;
  });
  const target = path.join(folder, 'file');
  await writeFile(`${target}.part`, content.subarray(0, 10));
  await download({ ...quick, url: `${server.address}file`, target });
  await server.close();
  assert.equal(new Uint8Array(await readFile(target)), content);
});

test('download() refuses another file than the one asked for and keeps nothing of it', async ({ folder }) => {
  const server = await serveFolder({ file: content });
  const target = path.join(folder, 'file');
  const wrong = download({ ...quick, url: `${server.address}file`, target, sha256: hash.replace(/./, '!') });
  assert.is(await codeOf(wrong), 'download/wrong-hash');
  await server.close();
  assert.equal(await readdir(folder), []);
  assert.is(server.requests.length, 1);
});

test('download() does not repeat a request that was refused', async ({ folder }) => {
  const server = await serveFolder({});
  const target = path.join(folder, 'file');
  assert.is(await codeOf(download({ ...quick, url: `${server.address}file`, target })), 'download/refused');
  await server.close();
  assert.is(server.requests.length, 1);
});

test('download() repeats after a temporary server error', async ({ folder }) => {
  const server = await serveFolder({ file: content }, (_, response, number) => {
    if (number > 1) return undefined;
    response.writeHead(503).end();
    return true;
  });
  await download({ ...quick, url: `${server.address}file`, target: path.join(folder, 'file') });
  await server.close();
  assert.is(server.requests.length, 2);
});

test('download() gives up on silence before and within the answer', async ({ folder }) => {
  const server = await serveFolder({}, (request, response) => {
    if (request.url === '/stalls') {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 5000));
    }
    return true;
  });
  const patience = { ...quick, timeoutMs: 500, attempts: 2 };
  for (const name of ['silent', 'stalls']) {
    const target = path.join(folder, name);
    assert.is(await codeOf(download({ ...patience, url: server.address + name, target })), 'download/interrupted');
  }
  await server.close();
  assert.equal(await readdir(folder), ['stalls.part']);
});

test('download() says so when nobody listens', async ({ folder }) => {
  const server = await serveFolder({});
  await server.close();
  const target = path.join(folder, 'file');
  const attempt = download({ ...quick, attempts: 2, url: `${server.address}file`, target });
  assert.is(await codeOf(attempt), 'download/interrupted');
});

test.run();
