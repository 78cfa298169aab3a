import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { workerSize } from '../../scripts/worker-size.ts';

for (const withCodecs of [true, false]) {
  const title = withCodecs ? 'with image codecs' : 'without image codecs';

  test(`the whole worker ${title} stays within its limit, gzipped`, async () => {
    const { gzipBytes, limit, parts } = await workerSize(withCodecs);
    assert.is(parts.length, withCodecs ? 5 : 3);
    assert.ok(gzipBytes <= limit, `${gzipBytes} of ${limit} bytes`);
    // A part that is missing would weigh nothing.
    for (const { name, bytes } of parts) assert.ok(bytes > 10_000, `${name}: ${bytes} bytes`);
  });

  test(`the worker ${title} holds no tfjs, no platform, no module of a runtime, and nothing that is evaluated`, async () => {
    const { sources, script } = await workerSize(withCodecs);
    const foreign = sources.filter((file) => /tfjs|src\/(?:platform|backend|plan|models)\/|node-server/.test(file));
    assert.equal(foreign, []);
    const imported = [...script.matchAll(/\bfrom\s*"([^"]+)"/g)].map(([, name]) => name!);
    assert.equal(
      imported.filter((name) => !/\.(?:wasm|selvedge)$/.test(name)),
      [],
    );
    assert.not.match(script, /\bnew Function\(|\beval\(|\brequire\(["']/);
  });
}

test.run();
