// The order of sources and what makes each of them fall through. The shipped sample's files play the whole data set here, so
// that no test needs the network or 30 MB.
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import { countLabels } from '../../src/data/dataset.ts';
import type { DownloadProgress } from '../../src/data/download.ts';
import { fashionMnistFiles, type PinnedFile } from '../../src/data/fashion-mnist.ts';
import { sampleFiles, sampleFolderUrl } from '../../src/data/sample.ts';
import { type LoadOptions, loadFashionMnist, type Places } from '../../src/data/sources.ts';
import { serveFolder } from './http-folder.ts';

const sampleFolder = fileURLToPath(sampleFolderUrl());
const names = Object.values(sampleFiles).map((file) => file.name);

interface Context {
  folder: string;
  places: Places;
}

const test = suite<Context>('sources');
test.before.each(async (context) => {
  delete process.env.SELVEDGE_DATA;
  context.folder = await mkdtemp(path.join(os.tmpdir(), 'selvedge-sources-'));
  context.places = {
    files: sampleFiles,
    cacheFolder: path.join(context.folder, 'cache'),
    debianFolder: path.join(context.folder, 'debian'),
    addresses: [],
    timeoutMs: 2000,
    runCommand: null,
  };
});
test.after.each(async ({ folder }) => {
  delete process.env.SELVEDGE_DATA;
  await rm(folder, { recursive: true });
});

const fill = (folder: string): Promise<void> => cp(sampleFolder, folder, { recursive: true });

async function spoil(file: string): Promise<void> {
  const bytes = await readFile(file);
  bytes[100]! ^= 1;
  await writeFile(file, bytes);
}

async function errorOf(options: LoadOptions): Promise<SelvedgeError> {
  try {
    await loadFashionMnist(options);
  } catch (error) {
    assert.instance(error, SelvedgeError);
    return error as SelvedgeError;
  }
  return assert.unreachable('expected a failure') as never;
}

async function sampleBytes(): Promise<Record<string, Uint8Array>> {
  const entries = names.map(async (name) => [name, await readFile(path.join(sampleFolder, name))] as const);
  return Object.fromEntries(await Promise.all(entries));
}

test('loadFashionMnist() takes the folder given, before the environment', async ({ folder, places }) => {
  const given = path.join(folder, 'given');
  await fill(given);
  process.env.SELVEDGE_DATA = path.join(folder, 'nothing');
  const { source, train, test: testSet, notices } = await loadFashionMnist({ folder: given, places });
  assert.is(source.kind, 'folder');
  assert.match(source.description, given);
  assert.equal([train.count, train.height, train.width, train.channels, testSet.count], [2000, 28, 28, 1, 1000]);
  assert.equal(source.files, Object.values(sampleFiles));
  assert.equal(notices, []);
});

test('loadFashionMnist() takes the folder of SELVEDGE_DATA', async ({ folder, places }) => {
  process.env.SELVEDGE_DATA = path.join(folder, 'given');
  await fill(process.env.SELVEDGE_DATA);
  assert.is((await loadFashionMnist({ places })).source.kind, 'folder');
});

test('loadFashionMnist() does not fall through from a folder given that lacks a file or has it wrong', async (context) => {
  const given = path.join(context.folder, 'given');
  await fill(context.places.cacheFolder);
  await fill(given);
  await spoil(path.join(given, names[2]!));
  const wrong = await errorOf({ folder: given, places: context.places });
  assert.is(wrong.code, 'data/wrong-hash');
  assert.match(wrong.message, names[2]!);
  await rm(path.join(given, names[1]!));
  const missing = await errorOf({ folder: given, places: context.places });
  assert.is(missing.code, 'data/missing-file');
  assert.match(missing.message, path.join(given, names[1]!));
});

test('loadFashionMnist() takes the folder of the shipped sample for the sample that it is', async ({ places }) => {
  const wanted = { folder: sampleFolder, places: { ...places, files: fashionMnistFiles } };
  const { source, train, notices } = await loadFashionMnist(wanted);
  assert.is(source.kind, 'sample');
  assert.is(source.isSample, true);
  assert.is(train.count, 2000);
  assert.match(notices.join(), /sample/);
  assert.is((await errorOf({ ...wanted, allowSample: false })).code, 'data/wrong-hash');
});

test('loadFashionMnist() takes the cache, then what Debian installed', async ({ places }) => {
  await fill(places.debianFolder);
  assert.is((await loadFashionMnist({ places })).source.kind, 'debian');
  await fill(places.cacheFolder);
  assert.is((await loadFashionMnist({ places })).source.kind, 'cache');
  await rm(path.join(places.cacheFolder, names[3]!));
  assert.is((await loadFashionMnist({ places })).source.kind, 'debian');
});

test('loadFashionMnist() notes and passes over a spoilt file that nobody gave', async ({ places }) => {
  await fill(places.cacheFolder);
  await fill(places.debianFolder);
  await spoil(path.join(places.cacheFolder, names[0]!));
  const { source, notices } = await loadFashionMnist({ places });
  assert.is(source.kind, 'debian');
  assert.is(notices.length, 1);
  assert.match(notices[0]!, /expected sha256 .*, got/);
});

test('loadFashionMnist() downloads over HTTP into the cache, only what is missing or wrong', async ({ places }) => {
  const server = await serveFolder(await sampleBytes());
  await fill(places.cacheFolder);
  await spoil(path.join(places.cacheFolder, names[0]!));
  await rm(path.join(places.cacheFolder, names[3]!));
  const progress: DownloadProgress[] = [];
  const http = { ...places, addresses: [server.address] };
  const { source } = await loadFashionMnist({ places: http, onProgress: (step) => progress.push(step) });
  await server.close();
  assert.is(source.kind, 'http');
  assert.equal(server.requests, [`GET /${names[0]}`, `GET /${names[3]}`]);
  assert.equal((await readdir(places.cacheFolder)).sort(), [...names].sort());
  assert.is(progress.at(-1)?.name, names[3]);
  assert.is((await loadFashionMnist({ places })).source.kind, 'cache');
});

test('loadFashionMnist() takes files that the transport unpacked, also from the cache that they then are in', async ({
  places,
}) => {
  const unpacked = async (name: string): Promise<[string, Uint8Array]> => [
    name,
    gunzipSync(await readFile(path.join(sampleFolder, name))),
  ];
  const server = await serveFolder(Object.fromEntries(await Promise.all(names.map(unpacked))));
  try {
    const { source, train } = await loadFashionMnist({ places: { ...places, addresses: [server.address] } });
    assert.is(source.kind, 'http');
    assert.is(train.count, 2000);
    const again = await loadFashionMnist({ places });
    assert.is(again.source.kind, 'cache');
    assert.equal(again.train.images, train.images);
  } finally {
    await server.close();
  }
});

test('fashionMnistFiles and sampleFiles pin what is inside each file too', () => {
  const pinned: PinnedFile[] = [...Object.values(fashionMnistFiles), ...Object.values(sampleFiles)];
  for (const { name, unpackedSha256 } of pinned) assert.match(unpackedSha256 ?? '', /^[0-9a-f]{64}$/, name);
});

test('loadFashionMnist() goes to the next address when one lies or lacks a file', async ({ places }) => {
  const files = await sampleBytes();
  const lies = await serveFolder(Object.fromEntries(names.map((name) => [name, Uint8Array.of(1, 2, 3)])));
  const empty = await serveFolder({});
  const good = await serveFolder(files);
  const addresses = [lies.address, empty.address, good.address];
  const { source, notices } = await loadFashionMnist({ places: { ...places, addresses } });
  await Promise.all([lies.close(), empty.close(), good.close()]);
  assert.is(source.description, good.address);
  assert.match(notices[0]!, 'expected sha256');
  assert.match(notices[1]!, 'got 404');
});

test("loadFashionMnist() unpacks Debian's package without root and keeps it in the cache", async ({ places }) => {
  const commands: string[] = [];
  const runCommand: Places['runCommand'] = async (command, args, options) => {
    commands.push([command, ...args].join(' '));
    const cwd = options?.cwd ?? '';
    if (command === 'apt-get') await writeFile(path.join(cwd, 'dataset-fashion-mnist_0_all.deb'), 'archive');
    else await fill(path.join(cwd, 'unpacked', 'usr', 'share', 'datasets', 'fashion-mnist'));
    return { code: 0, stdout: '', stderr: '' };
  };
  await mkdir(places.cacheFolder, { recursive: true });
  const { source } = await loadFashionMnist({ places: { ...places, runCommand } });
  assert.is(source.kind, 'apt');
  assert.match(commands[0]!, /^apt-get .*download dataset-fashion-mnist$/);
  assert.is(commands[1], 'dpkg-deb -x dataset-fashion-mnist_0_all.deb unpacked');
  assert.equal((await readdir(places.cacheFolder)).sort(), [...names].sort());
});

test('loadFashionMnist() uses the shipped sample last, with a notice, and never calls it the whole', async ({
  places,
}) => {
  const failing: Places['runCommand'] = async () => ({ code: 100, stdout: '', stderr: 'E: no such package\n' });
  const {
    source,
    train,
    test: testSet,
    notices,
  } = await loadFashionMnist({ places: { ...places, runCommand: failing } });
  assert.is(source.kind, 'sample');
  assert.ok(source.isSample);
  assert.match(train.name, 'sample');
  assert.match(testSet.name, 'sample');
  assert.match(notices[0]!, 'E: no such package');
  assert.match(notices.at(-1)!, 'not the whole data set');
  assert.equal(countLabels(train), new Array(10).fill(200));
  assert.equal(countLabels(testSet), new Array(10).fill(100));
});

test('loadFashionMnist() says what failed where the sample is not allowed', async ({ places }) => {
  const missing: Places['runCommand'] = () => Promise.reject(new Error('spawn apt-get ENOENT'));
  const error = await errorOf({ allowSample: false, places: { ...places, runCommand: missing } });
  assert.is(error.code, 'data/not-found');
  assert.match(error.message, 'spawn apt-get ENOENT');
  assert.match(error.message, 'SELVEDGE_DATA');
});

test.run();
