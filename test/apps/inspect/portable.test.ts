// What runs an exported inspector on edge runtimes: it needs no engine and no platform, and finds room beside the limits of a worker.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bundleWorker, limits } from '../../../scripts/worker-size.ts';

const test = suite('inspect on the edge');
const root = fileURLToPath(new URL('../../..', import.meta.url));

test('a worker that inspects over HTTP has no tfjs and no platform, and fits into the limit of one without codecs', async () => {
  const { script, sources } = await bundleWorker(
    [
      `export { createClassifier } from './src/edge/index.ts';`,
      `export { createApp, createInspection } from './src/serve/index.ts';`,
      `export { decodeInspector } from './src/apps/inspect/portable.ts';`,
    ].join('\n'),
  );
  const foreign = sources.filter((name) => /tensorflow|src\/(backend|platform|models|plan)/.test(name));
  assert.equal(foreign, []);
  const files = ['build/edge.wasm', 'assets/models/inspect/inspect.selvedge'].map((file) =>
    readFileSync(path.join(root, file)),
  );
  const bytes = [script.contents, ...files].map((content) => gzipSync(content, { level: 9 }).length);
  const sum = bytes.reduce((all, own) => all + own, 0);
  assert.ok(sum < limits.withoutCodecs, `${bytes.join(' + ')} = ${sum} bytes`);
});

test.run();
