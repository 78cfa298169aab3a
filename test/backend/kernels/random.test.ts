// The kernels' random words against those of src/core/philox.ts: assembly/simd/random.ts is compiled here by itself.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { philox4x32 } from '../../../src/core/philox.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

type StorePhilox = (out: number, c0: number, c1: number, c2: number, c3: number, k0: number, k1: number) => void;

function compile(): { storePhilox: StorePhilox; memory: WebAssembly.Memory } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-random-'));
  try {
    const output = path.join(folder, 'random.wasm');
    const compiler = fileURLToPath(new URL('bin/asc.js', import.meta.resolve('assemblyscript/package.json')));
    const flags = ['--runtime', 'stub', '--enable', 'simd', '-O3', '--importMemory', '--outFile', output];
    const result = spawnSync(process.execPath, [compiler, 'assembly/simd/random.ts', ...flags], { cwd: root });
    assert.is(result.status, 0, result.stderr.toString());
    const memory = new WebAssembly.Memory({ initial: 1 });
    const module = new WebAssembly.Module(readFileSync(output));
    const { exports } = new WebAssembly.Instance(module, { env: { memory, abort: () => undefined } });
    return { storePhilox: exports.storePhilox as StorePhilox, memory };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('storePhilox() stores the words of four successive blocks of philox4x32(), for any counter and key', () => {
  const { storePhilox, memory } = compile();
  const word = fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(0, 1, 0x80000000, 0xffffffff));
  fc.assert(
    fc.property(fc.tuple(word, word, word, word, word, word), ([c0, c1, c2, c3, k0, k1]) => {
      storePhilox(128, c0, c1, c2, c3, k0, k1);
      const found = new Uint32Array(memory.buffer, 128, 16);
      const expected = new Uint32Array(16);
      for (let block = 0; block < 4; block++) {
        philox4x32(expected.subarray(block * 4), c0 + block, c1, c2, c3, k0, k1);
      }
      assert.equal([...found], [...expected]);
    }),
    { seed: 6, numRuns: 300 },
  );
});

test.run();
