import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { dequantise, quantise } from '../../src/edge/index.ts';

const finite = fc.float({ noNaN: true, min: -(2 ** 126), max: 2 ** 126 });
const filters = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 20 })).chain(([channels, rows]) =>
  fc.record({
    channels: fc.constant(channels),
    values: fc.float32Array({
      minLength: rows * channels,
      maxLength: rows * channels,
      noNaN: true,
      min: -(2 ** 126),
      max: 2 ** 126,
    }),
  }),
);

/** By channel. */
const columnsOf = (values: Float32Array, channels: number): number[][] =>
  Array.from({ length: channels }, (_, channel) => [...values].filter((__, i) => i % channels === channel));

test('quantise() keeps each weight within half a scale of its channel', () => {
  fc.assert(
    fc.property(filters, ({ values, channels }) => {
      const made = quantise(values, channels);
      assert.is(made.levels.length, values.length);
      assert.is(made.scales.length, channels);
      const back = dequantise(made);
      back.forEach((value, i) => {
        const scale = made.scales[i % channels]!;
        // Half a scale, and what the float32 scale and product are rounded by; nothing is nearer than a denormal step.
        const bound = scale * (0.5 + 127 * 2 ** -22) + 127 * 2 ** -149;
        assert.ok(Math.abs(value - values[i]!) <= bound, `${values[i]} came back as ${value}, scale ${scale}`);
      });
    }),
  );
});

test('quantise() uses the whole range: the largest weight of a channel is level 127', () => {
  fc.assert(
    fc.property(filters, ({ values, channels }) => {
      const { levels, scales } = quantise(values, channels);
      const sizes = columnsOf(Float32Array.from(levels), channels).map((column) => Math.max(...column.map(Math.abs)));
      sizes.forEach((size, channel) => {
        // Denormal scales are coarse, and may be zero.
        if (scales[channel]! > 2 ** -120) assert.is(size, 127);
        if (scales[channel] === 0) assert.is(size, 0);
      });
    }),
  );
});

test('quantise() keeps zeros, and does the same to weights that were quantised before', () => {
  assert.equal(quantise(new Float32Array(6), 3), { scales: new Float32Array(3), levels: new Int8Array(6) });
  fc.assert(
    fc.property(filters, ({ values, channels }) => {
      const first = quantise(values, channels);
      if (first.scales.some((scale) => scale > 0 && scale < 2 ** -100)) return;
      assert.equal([...quantise(dequantise(first), channels).levels], [...first.levels]);
    }),
  );
});

test('dequantise() rounds level times scale once, into the array that it is given', () => {
  fc.assert(
    fc.property(fc.integer({ min: -127, max: 127 }), finite, (level, scale) => {
      const into = new Float32Array(3);
      const quantised = { scales: Float32Array.of(scale), levels: Int8Array.of(level) };
      assert.is(dequantise(quantised, into.subarray(1, 2))[0], Math.fround(level * scale));
      assert.is(into[1], Math.fround(level * scale));
    }),
  );
});

test.run();
