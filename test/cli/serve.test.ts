// selvedge serve as a user starts, asks and ends it.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadFashionMnistSample } from '../../src/data/sources.ts';
import { rgbaPng } from '../data/image-files.ts';
import { pictureOf } from '../serve/pictures.ts';
import { makeFolder, run, type Started, start } from './program.ts';

const { folder, remove } = makeFolder();
const shipped = fileURLToPath(new URL('../../assets/models/dropout/dropout.selvedge', import.meta.url));
const test = suite('selvedge serve');
test.after(remove);

/** Serves while `body` asks, and ends by Ctrl-C. */
async function serving(
  args: readonly string[],
  body: (url: string, program: Started) => Promise<void>,
): Promise<string> {
  const program = start(folder, ['serve', '--port', '0', '--json', ...args]);
  try {
    const { url } = JSON.parse(await program.firstLine()) as { url: string };
    await body(url, program);
  } finally {
    program.interrupt();
  }
  const { code, out, err } = await program.ended;
  assert.is(code, 0, err);
  assert.is(out.trim().split('\n').length, 1);
  return err;
}

const octets = { 'content-type': 'application/octet-stream' };

test('selvedge serve --json prints one line with its address, answers and ends at Ctrl-C', async () => {
  const { test: sample } = await loadFashionMnistSample();
  const png = rgbaPng(pictureOf(sample.images.subarray(0, 784)));
  const err = await serving([], async (url) => {
    assert.match(url, /^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
    const health = (await (await fetch(`${url}/health`)).json()) as { runtime: string; model: string };
    assert.equal([health.runtime, health.model], [`node ${process.versions.node}`, 'best']);
    for (const [body, type] of [
      [png, 'image/png'],
      [sample.images.slice(0, 784), 'application/octet-stream'],
    ] as const) {
      const headers = { 'content-type': type };
      const response = await fetch(`${url}/classify`, { method: 'POST', body: body as BodyInit, headers });
      const { images } = (await response.json()) as { images: { class: string }[] };
      assert.is(images[0]!.class, 'Ankle boot');
    }
    // More than is read before the answer is known.
    const large = await fetch(`${url}/classify`, { method: 'POST', body: new Uint8Array(30_000_000), headers: octets });
    assert.is(large.status, 413);
    assert.is((await fetch(`${url}/health`)).status, 200);
  });
  assert.is(err, '');
});

for (const model of [path.relative(folder, shipped), 'dropout']) {
  test(`selvedge serve --model ${model} serves another model`, async () => {
    await serving(['--model', model], async (url) => {
      const { name } = (await (await fetch(`${url}/model`)).json()) as { name: string };
      assert.is(name, 'dropout');
    });
  });
}

test('selvedge serve tells people how to ask', async () => {
  const program = start(folder, ['serve', '--port', '0']);
  assert.match(await program.firstLine(), /^Serving on http:\/\/127\.0\.0\.1:\d+, until Ctrl-C$/);
  program.interrupt();
  const { code, out } = await program.ended;
  assert.is(code, 0);
  assert.match(out, 'curl -F image=@one.png');
});

test('selvedge serve says which port is taken', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const { port } = other.address() as AddressInfo;
  const { code, out, err } = await run(folder, ['serve', '--port', String(port)]);
  other.close();
  assert.equal([code, out], [1, '']);
  assert.match(err, `Cannot listen on http://127.0.0.1:${port}: another program listens there already`);
  assert.match(err, '[platform/port-in-use]');
});

test('selvedge serve refuses what is no port, no address and no model', async () => {
  for (const [args, code, text] of [
    [['--port', '65536'], 2, 'expected a whole number from 0 to 65535'],
    [['--port', 'x'], 2, 'expected a whole number from 0 to 65535'],
    [['--port', '0', '--host', '203.0.113.1'], 1, 'this machine has no such address [platform/cannot-listen]'],
    [['--model', 'none.selvedge'], 1, 'got nothing [serve/no-file]'],
    [['--model', '.'], 1, 'got a folder [serve/no-file]'],
    [['--model', fileURLToPath(import.meta.url)], 1, '[edge/foreign]'],
  ] as const) {
    const ended = await run(folder, ['serve', ...args]);
    assert.equal([ended.code, ended.out], [code, ''], ended.err);
    assert.match(ended.err, text);
  }
});

test.run();
