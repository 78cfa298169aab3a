// Model files: what was written is read, and nothing else is.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import {
  createClassifier,
  decodeModelFile,
  encodeModelFile,
  type ModelDescription,
  type Network,
} from '../../src/edge/index.ts';

const description: ModelDescription = {
  name: 'small',
  labels: ['Ankle boot', 'Schnürschuh', 'ブーツ'],
  inputShape: [2, 3, 1],
  settings: { epochs: 2, optimizer: { name: 'adam' } },
  fingerprint: 'f'.repeat(64),
  accuracy: { float32: 0.75, int8: 0.5, images: 4 },
  formatVersion: 1,
  kernels: '0'.repeat(64),
};
const network: Network = {
  memoryBytes: 4096,
  input: 64,
  output: 256,
  scratch: 512,
  kernels: ['planProduct', 'planSoftmax'],
  weights: [
    { byteOffset: 1024, values: Float32Array.of(1, -0.5, 3e-9) },
    {
      byteOffset: 2048,
      quantised: { scales: Float32Array.of(0.1, 0.25), levels: Int8Array.of(-127, 1, 2, 3, 4, 127) },
    },
    { byteOffset: 3072, quantised: { scales: Float32Array.of(7), levels: Int8Array.of(5) } },
  ],
  words: [{ byteOffset: 768, values: Int32Array.of(1, -2, 0x7fffffff) }],
  derivation: Int32Array.of(0, 768, 0, 1),
  programs: [Int32Array.of(0, 768, 0, 1, 1, 768, 0, 1), Int32Array.of(0, 768, 0, 2, 1, 768, 0, 2)],
};
const file = await encodeModelFile(description, network);
const shipped = readFileSync(new URL('../../assets/models/dropout/dropout.selvedge', import.meta.url));
const kernels = await WebAssembly.compile(readFileSync(new URL('../../build/edge.wasm', import.meta.url)));

/** The code of the error that `run` ends with; anything but our own error fails. */
async function codeOf(run: () => Promise<unknown>): Promise<string> {
  try {
    await run();
  } catch (error) {
    if (error instanceof SelvedgeError) return error.code;
    throw error;
  }
  return 'no error';
}

const damaged = ['edge/foreign', 'edge/version', 'edge/truncated', 'edge/corrupt'];

/** Puts the right digest behind changed bytes. */
function sealed(bytes: Uint8Array): Uint8Array {
  const made = bytes.slice();
  made.set(createHash('sha256').update(made.subarray(0, -32)).digest(), made.length - 32);
  return made;
}

test('decodeModelFile() reads what encodeModelFile() wrote, of any byte offset and as a buffer', async () => {
  const shifted = new Uint8Array(file.length + 3);
  shifted.set(file, 3);
  // Buffer.slice gives a view where that of every other array gives a copy.
  for (const bytes of [file, shifted.subarray(3), Buffer.from(shifted.buffer, 3), file.slice().buffer as ArrayBuffer]) {
    assert.equal(await decodeModelFile(bytes), { description, network });
  }
});

test('encodeModelFile() gives the same bytes for the same model', async () => {
  assert.equal(await encodeModelFile(description, network), file);
});

test('decodeModelFile() refuses every truncation', async () => {
  for (let length = 0; length < file.length; length++) {
    const code = await codeOf(() => decodeModelFile(file.subarray(0, length)));
    assert.is(code, length < 8 ? 'edge/foreign' : 'edge/truncated', `${length} bytes`);
  }
});

test('decodeModelFile() refuses every flipped bit, and bytes that follow', async () => {
  const bytes = file.slice();
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    const code = await codeOf(() => decodeModelFile(bytes));
    assert.ok(damaged.includes(code), `bit ${bit}: ${code}`);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
  }
  const longer = new Uint8Array(file.length + 1);
  longer.set(file);
  assert.is(await codeOf(() => decodeModelFile(longer)), 'edge/corrupt');
});

test('decodeModelFile() says what is wrong with a file', async () => {
  const foreign = new TextEncoder().encode(`{"format": "layers-model"${' '.repeat(100)}}`);
  assert.is(await codeOf(() => decodeModelFile(foreign)), 'edge/foreign');
  assert.is(
    await codeOf(() => decodeModelFile(readFileSync(new URL('../../build/edge.wasm', import.meta.url)))),
    'edge/foreign',
  );
  const later = file.slice();
  later[8] = 2;
  assert.is(await codeOf(() => decodeModelFile(sealed(later))), 'edge/version');
  const flipped = file.slice();
  flipped[300]! ^= 1;
  await decodeModelFile(flipped).catch(({ message }) =>
    assert.match(message, /^Cannot read the model file: expected sha256/),
  );
});

test('decodeModelFile() refuses nonsense under a right digest', async () => {
  const nonsense: Partial<Record<keyof Network | keyof ModelDescription, unknown>>[] = [
    { memoryBytes: 100 },
    { memoryBytes: 2 ** 40 },
    { memoryBytes: -1 },
    { input: 4060 },
    { input: 2 },
    { output: 4095 },
    { scratch: 1.5 },
    { scratch: 5000 },
    { kernels: [] },
    { kernels: ['planProduct'] },
    { words: [{ byteOffset: 4092, values: Int32Array.of(1, 2) }] },
    { weights: [{ byteOffset: -4, values: Float32Array.of(1) }] },
    { programs: [] },
    { programs: [Int32Array.of(2, 0, 0, 1)] },
    { labels: [] },
    { labels: [1, 2, 3] },
    { inputShape: [0, 3, 1] },
    { inputShape: [2, 3] },
    { inputShape: 'large' },
    { name: 5 },
  ];
  for (const change of nonsense) {
    const made = await encodeModelFile(
      { ...description, ...change } as ModelDescription,
      { ...network, ...change } as Network,
    );
    assert.is(await codeOf(() => decodeModelFile(made)), 'edge/corrupt', JSON.stringify(change));
  }
});

test('decodeModelFile() takes or refuses any changed description under a right digest, and throws nothing else', async () => {
  const start = 20;
  const end = start + new DataView(file.buffer).getUint32(16, true);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 16, max: end - 1 }), fc.integer({ min: 0, max: 255 }), async (at, byte) => {
      const bytes = file.slice();
      bytes[at] = byte;
      const code = await codeOf(() => decodeModelFile(sealed(bytes)));
      assert.ok(['no error', 'edge/corrupt'].includes(code), `byte ${at} as ${byte}: ${code}`);
    }),
    { numRuns: 500 },
  );
});

test('createClassifier() refuses the shipped file cut or changed anywhere', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: shipped.length - 1 }),
      fc.integer({ min: 0, max: 7 }),
      async (at, bit) => {
        const bytes = Uint8Array.from(shipped);
        bytes[at]! ^= 1 << bit;
        assert.ok(damaged.includes(await codeOf(() => createClassifier({ model: bytes, kernels }))));
        assert.ok(damaged.includes(await codeOf(() => createClassifier({ model: shipped.subarray(0, at), kernels }))));
      },
    ),
    { numRuns: 100 },
  );
});

test.run();
