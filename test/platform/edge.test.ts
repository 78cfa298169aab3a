// The platform of the edge on Node, whose fetch is the same; that the engine runs on it: npm run test:runtimes.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import { platform } from '../../src/platform/edge.ts';

const server = createServer((request, response) => {
  if (request.url !== '/text.txt') response.writeHead(404).end();
  else response.setHeader('content-length', 5).end(request.method === 'HEAD' ? undefined : 'cloth');
});
let address = '';
test.before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
test.after(() => {
  server.closeAllConnections();
  server.close();
});

const { files } = platform;

async function failureOf(run: () => unknown): Promise<SelvedgeError> {
  try {
    await run();
  } catch (error) {
    assert.instance(error, SelvedgeError);
    return error as SelvedgeError;
  }
  return assert.unreachable('nothing failed') as never;
}

test('files with an address are read by HTTP', async () => {
  const file = files.join(files.fromUrl(new URL(address)), 'text.txt');
  assert.is(file, `${address}text.txt`);
  assert.is(await files.readText(file), 'cloth');
  assert.equal(await files.status(file), { bytes: 5, isFolder: false });
  assert.is(await files.status(`${address}none`), undefined);
  const error = await files.readBytes(`${address}none`).then(
    () => '',
    ({ message }) => message,
  );
  assert.is(error, 'the server answered 404');
});

test('what the edge has not is refused by name', async () => {
  const refused: [() => unknown, string][] = [
    [() => files.readBytes('/etc/hosts'), 'Cannot read "/etc/hosts": edge-runtime has no such thing'],
    [() => platform.readUrl(new URL('file:///etc/hosts')), 'Cannot read "file:///etc/hosts"'],
    [() => files.write('x', ''), 'Cannot write "x"'],
    [() => platform.startWorker(new URL('file:///w.js'), {}), 'Cannot start a worker'],
    [() => platform.runCommand('ls', []), 'Cannot run "ls"'],
  ];
  for (const [run, message] of refused) {
    const error = await failureOf(run);
    assert.is(error.code, 'platform/absent');
    assert.match(error.message, message);
  }
  assert.is(await files.status('/etc/hosts'), undefined);
  assert.equal(await files.entries('/etc'), []);
  await files.remove('/etc/none');
});

test('hostGlue() hides `process`, stands in for `Worker`, and gives both back', async () => {
  const scope = globalThis as { process?: unknown; Worker?: unknown };
  const before = { process: scope.process, Worker: scope.Worker };
  const standIn = class {};
  const seen = await platform.hostGlue(standIn, async () => ({ process: scope.process, Worker: scope.Worker }));
  assert.equal(seen, { process: undefined, Worker: standIn });
  await platform
    .hostGlue(standIn, () => Promise.reject(new Error('it failed')))
    .then(assert.unreachable, ({ message }) => assert.is(message, 'it failed'));
  assert.is(scope.process, before.process);
  assert.is(scope.Worker, before.Worker);
});

test('paths are joined and taken apart as on POSIX', () => {
  assert.is(files.join('/a/', 'b', 'c.txt'), '/a/b/c.txt');
  assert.is(files.resolve('/a', 'b'), '/a/b');
  assert.is(files.resolve('a', '/b'), '/b');
  assert.is(files.dirname('/a/b'), '/a');
  assert.is(files.dirname('/a'), '/');
  assert.is(files.basename('/a/b'), 'b');
});

test.run();
