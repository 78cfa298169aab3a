// Properties, hostile headers and a seeded fuzz run of the IDX parser.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import { decodeIdx, encodeIdx, type IdxArray } from '../../src/data/idx.ts';

const name = 'some-file.idx';

function rejects(bytes: Uint8Array, code: string, ...words: string[]): void {
  try {
    decodeIdx(bytes, { name });
  } catch (error) {
    assert.instance(error, SelvedgeError);
    assert.is((error as SelvedgeError).code, code);
    for (const word of [name, ...words]) assert.match((error as SelvedgeError).message, word);
    return;
  }
  assert.unreachable(`expected ${code}`);
}

const bytesOf = (data: IdxArray['data']): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

const arrays: fc.Arbitrary<IdxArray> = fc
  .tuple(
    fc.constantFrom('uint8', 'int8', 'int16', 'int32', 'float32', 'float64'),
    fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }),
    fc.integer({ min: 1, max: 0x7fffffff }),
  )
  .map(([type, shape, seed]) => {
    const size = shape.reduce((product, length) => product * length, 1);
    const raw = new Uint8Array(size * 8);
    let state = seed;
    for (let i = 0; i < raw.length; i++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      raw[i] = state >>> 16;
    }
    const make = {
      uint8: () => new Uint8Array(raw.buffer, 0, size),
      int8: () => new Int8Array(raw.buffer, 0, size),
      int16: () => new Int16Array(raw.buffer, 0, size),
      int32: () => new Int32Array(raw.buffer, 0, size),
      float32: () => new Float32Array(raw.buffer, 0, size),
      float64: () => new Float64Array(raw.buffer, 0, size),
    };
    return { type, shape, data: make[type]() } as IdxArray;
  });

test('decodeIdx() undoes encodeIdx() for every type and shape, to the bit', () => {
  fc.assert(
    fc.property(arrays, (array) => {
      const decoded = decodeIdx(encodeIdx(array), { name });
      assert.is(decoded.type, array.type);
      assert.equal(decoded.shape, array.shape);
      assert.equal(bytesOf(decoded.data), bytesOf(array.data));
    }),
    { seed: 2, numRuns: 200 },
  );
});

test('encodeIdx() writes big-endian values and sizes', () => {
  assert.equal(
    [...encodeIdx({ type: 'int16', shape: [1, 2], data: Int16Array.of(258, -2) })],
    [0, 0, 0x0b, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 0xff, 0xfe],
  );
  assert.equal(
    [...encodeIdx({ type: 'float64', shape: [1], data: Float64Array.of(1) })],
    [0, 0, 0x0e, 1, 0, 0, 0, 1, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0],
  );
});

test('decodeIdx() reads a view into a larger buffer at an odd offset', () => {
  const file = encodeIdx({ type: 'float32', shape: [2], data: Float32Array.of(1.5, -2) });
  const buffer = new Uint8Array(file.length + 7);
  buffer.set(file, 3);
  assert.equal([...decodeIdx(buffer.subarray(3, 3 + file.length), { name }).data], [1.5, -2]);
  assert.equal([...decodeIdx(Buffer.from(buffer.buffer, 3, file.length), { name }).data], [1.5, -2]);
});

test('decodeIdx() rejects bad magic bytes and names gzip', () => {
  rejects(Uint8Array.of(1, 0, 8, 1, 0, 0, 0, 1, 5), 'idx/bad-magic', '0x01 0x00');
  rejects(Uint8Array.of(0x1f, 0x8b, 8, 0), 'idx/bad-magic', 'gzip');
});

test('decodeIdx() rejects an unknown type code', () => {
  rejects(Uint8Array.of(0, 0, 10, 1, 0, 0, 0, 1, 5), 'idx/bad-type', '0x0a', '0x08 (uint8)');
});

test('decodeIdx() rejects a truncated header', () => {
  for (const length of [0, 1, 3]) rejects(new Uint8Array(length), 'idx/truncated', `got ${length}`);
  rejects(Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1), 'idx/truncated', '16 bytes', 'got 8');
});

test('decodeIdx() rejects zero dimensions and sizes of zero', () => {
  rejects(Uint8Array.of(0, 0, 8, 0), 'idx/bad-shape', 'got 0');
  rejects(Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 5), 'idx/bad-shape', '[0, 5]');
});

test('decodeIdx() rejects truncated values and trailing bytes with both counts', () => {
  const file = encodeIdx({ type: 'int32', shape: [3], data: Int32Array.of(1, 2, 3) });
  rejects(file.subarray(0, file.length - 1), 'idx/truncated', 'expected 20 bytes', 'got 19');
  const longer = new Uint8Array(file.length + 1);
  longer.set(file);
  rejects(longer, 'idx/trailing-bytes', 'expected 20 bytes', 'got 21');
});

test('decodeIdx() rejects headers that announce huge arrays without claiming memory for them', () => {
  const huge = new Uint8Array(4 + 4 * 255).fill(0xff);
  huge.set([0, 0, 0x0e, 255]);
  rejects(huge, 'idx/bad-shape');
  // 2^32 * 2^32 wraps to 0 in 64 bits, and 65536^2 to 0 in 32: neither may pass for a small array.
  rejects(Uint8Array.of(0, 0, 8, 2, 0, 1, 0, 0, 0, 1, 0, 0), 'idx/truncated', '4294967308 bytes');
  rejects(Uint8Array.of(0, 0, 0x0e, 1, 0xff, 0xff, 0xff, 0xff, 1), 'idx/truncated', 'got 9');
});

test('encodeIdx() rejects shapes that do not fit the values', () => {
  for (const shape of [[], [2], [1, -1], [0.5], new Array(256).fill(1)]) {
    assert.throws(
      () => encodeIdx({ type: 'uint8', shape, data: Uint8Array.of(1) }),
      (error: unknown) => error instanceof SelvedgeError && error.code === 'idx/bad-shape',
    );
  }
});

test('decodeIdx() answers mutated and truncated files with a typed error or an array that fits its shape', () => {
  let accepted = 0;
  let refused = 0;
  fc.assert(
    fc.property(
      arrays,
      fc.array(fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 255 })), { maxLength: 3 }),
      fc.integer({ min: -12, max: 4 }),
      (array, mutations, lengthChange) => {
        const whole = encodeIdx(array);
        const bytes = new Uint8Array(Math.max(0, whole.length + lengthChange));
        bytes.set(whole.subarray(0, bytes.length));
        for (const [at, value] of mutations) if (at < bytes.length) bytes[at] = value;
        try {
          const decoded = decodeIdx(bytes, { name });
          const size = decoded.shape.reduce((product, length) => product * length, 1);
          assert.is(decoded.data.length, size);
          assert.ok(decoded.data.byteLength < bytes.length);
          accepted++;
        } catch (error) {
          assert.instance(error, SelvedgeError);
          assert.match((error as SelvedgeError).code, /^idx\//);
          refused++;
        }
      },
    ),
    { seed: 3, numRuns: 3000 },
  );
  assert.ok(accepted > 50 && refused > 500, `${accepted} accepted, ${refused} refused`);
});

test('decodeIdx() answers random bytes with a typed error or a valid array', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (bytes, plausible) => {
      if (plausible) bytes.set([0, 0, 8, 1].slice(0, bytes.length));
      try {
        decodeIdx(bytes, { name });
      } catch (error) {
        assert.instance(error, SelvedgeError);
      }
    }),
    { seed: 4, numRuns: 1000 },
  );
});

test.run();
