// Artefacts in a bucket of a real server: what the folder of artefacts promises, too; and that no key is ever shown.
import { readdirSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sha256 } from '../../src/core/sha256.ts';
import { bucketAccount, openArtefactBucket, readBucketAddress } from '../../src/queue/index.ts';
import { startS3Server } from './s3-server.ts';

async function serveHttp(answer: RequestListener): Promise<{ address: string; close(): void }> {
  const http = createServer(answer);
  await new Promise<void>((resolve) => {
    http.listen(0, '127.0.0.1', resolve);
  });
  return {
    address: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    close() {
      http.closeAllConnections();
      http.close();
    },
  };
}

const addresses = suite('artefacts in a bucket: addresses');

addresses('readBucketAddress() takes a bucket with and without a prefix', () => {
  assert.equal(readBucketAddress('s3://shop'), { bucket: 'shop', prefix: '' });
  assert.equal(readBucketAddress('s3://shop/'), { bucket: 'shop', prefix: '' });
  assert.equal(readBucketAddress('s3://my.shop-1/a/b/'), { bucket: 'my.shop-1', prefix: 'a/b' });
});

addresses('readBucketAddress() refuses what is none, and shows no key', () => {
  for (const text of [
    's3://',
    's3:///x',
    's3://A/b',
    's3://key:secret@shop/x',
    's3://shop/../x',
    's3://shop/a?b=secret',
  ])
    assert.throws(
      () => readBucketAddress(text),
      ({ code, message }: { code: string; message: string }) =>
        code === 'artefact/address' && !message.includes('secret'),
    );
});

addresses('bucketAccount() names the variable that is missing, and never a value', () => {
  const codeOf = (variables: Record<string, string>): string => {
    try {
      bucketAccount((name) => variables[name]);
      return '';
    } catch (error) {
      const { code, message } = error as { code: string; message: string };
      assert.not.match(message, 'secret');
      return `${code} ${/AWS_\w+/.exec(message)}`;
    }
  };
  const keys = { AWS_ACCESS_KEY_ID: 'secret1', AWS_SECRET_ACCESS_KEY: 'secret2' };
  assert.is(codeOf({}), 'artefact/account AWS_ACCESS_KEY_ID');
  assert.is(codeOf({ AWS_ACCESS_KEY_ID: 'secret1' }), 'artefact/account AWS_SECRET_ACCESS_KEY');
  assert.is(codeOf({ ...keys, AWS_ENDPOINT_URL: 'http://a:secret@b' }), 'artefact/account AWS_ENDPOINT_URL');
  assert.is(codeOf({ ...keys, AWS_ENDPOINT_URL: 'nowhere' }), 'artefact/account AWS_ENDPOINT_URL');
  assert.is(codeOf(keys), '');
});
addresses.run();

const odd = suite('artefacts in a bucket: a store that answers oddly');
const account = { accessKeyId: 'a', secretAccessKey: 'b' };

odd('put() believes no store that answers 404 to it, and get() asks again where a body was cut off', async () => {
  const bytes = Uint8Array.from({ length: 5000 }, (_, i) => i % 251);
  let gets = 0;
  const { address, close } = await serveHttp((request, response) => {
    if (request.method === 'GET' && ++gets < 3) {
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, 100), () => response.destroy());
    } else if (request.method === 'GET') response.end(bytes);
    else response.writeHead(404).end();
  });
  try {
    const bucket = await openArtefactBucket('s3://shop', { ...account, endpoint: address });
    const code = await bucket.put(bytes).catch((error: { code: string }) => error.code);
    assert.is(code, 'artefact/store');
    assert.equal(await bucket.get(await sha256(bytes)), bytes);
    assert.is(gets, 3);
  } finally {
    close();
  }
});
odd.run();

const server = await startS3Server();
if (server) {
  const { account, folder } = server;
  const test = suite('artefacts in a bucket');
  test.after(() => server.stop());
  const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7) % 251);
  const objects = (): string[] =>
    readdirSync(path.join(folder, 'shop', 'night')).filter((name) => /_object$/.test(name));
  const failure = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => 'none',
      ({ code, message }) => `${code} ${message}`,
    );

  test('what was put is there under its digest, once, for whoever opens the bucket', async () => {
    const store = await openArtefactBucket('s3://shop/night', account);
    const digest = await store.put(bytes);
    assert.is(digest, await sha256(bytes));
    assert.is(await store.put(bytes), digest);
    const other = await openArtefactBucket('s3://shop/night/', account);
    assert.equal(await other.get(digest), bytes);
    assert.is(objects().length, 1);
    await other.remove(digest);
    await other.remove(digest);
    assert.match(await failure(store.get(digest)), /^artefact\/missing .* "s3:\/\/shop\/night"$/);
  });

  test('a broken object is noticed and removed, and can be made again', async () => {
    const store = await openArtefactBucket('s3://shop/night', account);
    const digest = await store.put(bytes);
    const file = path.join(folder, 'shop', 'night', objects()[0]!);
    writeFileSync(file, bytes.with(5, 0));
    assert.match(await failure(store.get(digest)), /^artefact\/broken /);
    assert.match(await failure(store.get(digest)), /^artefact\/missing /);
    await store.put(bytes);
    writeFileSync(file, bytes.subarray(0, 9));
    await store.put(bytes);
    assert.equal(await store.get(digest), bytes);
  });

  test('a store that refuses is an error that holds no key', async () => {
    const wrong = { ...account, accessKeyId: 'wrong-secret' };
    const refused = await failure((await openArtefactBucket('s3://shop', wrong)).put(bytes));
    assert.match(refused, /^artefact\/store .* in "s3:\/\/shop": it answered 403/);
    const none = await failure((await openArtefactBucket('s3://none', account)).get('0'.repeat(64)));
    assert.match(none, /^artefact\/store .*404 NoSuchBucket/);
    assert.not.match(refused + none, /secret|S3RVER/);
    assert.match(await failure((await openArtefactBucket('s3://shop', account)).get('../x')), /^artefact\/digest /);
  });
  test.run();
}
