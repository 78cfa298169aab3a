// A local S3 server for tests: s3rver, fetched from the registry into a folder of its own. Not a test, and nothing of it is in the package.
// Invariant: it takes signed requests of a known key only (version 4 of signatures it reads, and does not compute), and keeps objects in a folder
// that `stop` removes.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BucketAccount } from '../../src/queue/index.ts';

const packages = fileURLToPath(new URL('../runtimes/s3/', import.meta.url));

export interface S3Server {
  readonly account: BucketAccount & { readonly endpoint: string };
  /** The folder that holds the objects, each in a file whose name begins with its own. */
  readonly folder: string;
  stop(): Promise<void>;
}

/** Starts one with a bucket `shop`; undefined, with the reason on the console, where the server cannot be had. */
export async function startS3Server(): Promise<S3Server | undefined> {
  if (!existsSync(`${packages}node_modules/s3rver`)) {
    try {
      execFileSync('npm', ['ci', '--ignore-scripts'], { cwd: packages, stdio: 'ignore', timeout: 300_000 });
    } catch {
      console.log('No s3rver here, and none to be had from the registry: artefacts in a bucket were not tested');
      return undefined;
    }
  }
  const Server = createRequire(`${packages}package.json`)('s3rver');
  const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-s3-'));
  const server = new Server({
    port: 0,
    silent: true,
    directory: folder,
    configureBuckets: [{ name: 'shop' }],
  });
  const { port } = (await server.run()) as { port: number };
  return {
    account: { endpoint: `http://127.0.0.1:${port}`, accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
    folder,
    async stop() {
      await server.close();
      rmSync(folder, { recursive: true });
    },
  };
}
