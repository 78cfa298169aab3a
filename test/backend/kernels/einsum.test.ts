// Einsum against its definition, for every way in which labels of two tensors can be shared. tfjs's cpu backend is no oracle: it sums
// the wrong axis of 'd,a->d'.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { assertClose, evaluateWithoutLeak, noise, noiseTensor } from './oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const SIZES: Readonly<Record<string, number>> = { a: 1, b: 2, c: 3, d: 4, e: 5 };
const term = fc.shuffledSubarray(Object.keys(SIZES), { maxLength: 4 });

/** Noise, in whole numbers where they are asked for. */
const operand = (labels: readonly string[], seed: number, dtype: 'float32' | 'int32'): tf.Tensor => {
  const shape = labels.map((label) => SIZES[label]!);
  const values = noise(tf.util.sizeFromShape(shape), seed);
  return tf.tensor(dtype === 'int32' ? values.map((value) => Math.round(9 * value)) : values, shape, dtype);
};

/** The sum over all labels that the output has not, as NumPy's einsum has it. */
function byDefinition(
  terms: readonly string[][],
  tensors: readonly tf.Tensor[],
  output: readonly string[],
): Float64Array {
  const labels = [...new Set(terms.flat())];
  const placeOf = (term: readonly string[], index: readonly number[]): number =>
    term.reduce((place, label) => place * SIZES[label]! + index[labels.indexOf(label)]!, 0);
  const values = tensors.map((tensor) => tensor.dataSync());
  const sums = new Float64Array(output.reduce((product, label) => product * SIZES[label]!, 1));
  const count = labels.reduce((product, label) => product * SIZES[label]!, 1);
  for (let i = 0; i < count; i++) {
    let left = i;
    const index = labels.map((label) => {
      const at = left % SIZES[label]!;
      left = Math.floor(left / SIZES[label]!);
      return at;
    });
    sums[placeOf(output, index)]! += values.reduce((product, each, k) => product * each[placeOf(terms[k]!, index)]!, 1);
  }
  return sums;
}

test('einsum equals its definition over random equations of one and two tensors', () => {
  const dtype = fc.constantFrom<'float32' | 'int32'>('float32', 'float32', 'int32');
  fc.assert(
    fc.property(term, fc.option(term), fc.nat(999), dtype, (first, second, seed, type) => {
      const terms = second ? [first, second] : [first];
      const output = [...new Set(terms.flat())].filter((_, i) => ((seed >> i) & 1) === 1).reverse();
      const equation = `${terms.map((part) => part.join('')).join(', ')} -> ${output.join('')}`;
      tf.tidy(() => {
        const tensors = terms.map((labels, i) => operand(labels, seed + i, type));
        const values = [...byDefinition(terms, tensors, output)];
        const shape = output.map((label) => SIZES[label]!);
        assertClose(
          evaluateWithoutLeak(() => tf.einsum(equation, ...tensors)),
          [{ shape, values }],
          1e-4,
          equation,
        );
      });
    }),
    { seed: 6, numRuns: 300 },
  );
});

test('einsum of two matrices gives the bits of their product, and its gradient that of the product', () => {
  tf.tidy(() => {
    const [a, b] = [noiseTensor<tf.Rank.R2>([33, 65], 1), noiseTensor<tf.Rank.R2>([65, 17], 2)];
    assert.equal(tf.einsum('ij,jk->ik', a, b).dataSync(), tf.matMul(a, b).dataSync());
    assert.equal(tf.einsum('ij->ji', a).dataSync(), tf.transpose(a).dataSync());
  });
});

test('einsum refuses what does not fit, in the words of tfjs, and leaves nothing', () => {
  const before = tf.memory().numTensors;
  tf.tidy(() => {
    assert.throws(() => tf.einsum('ij,jk->ik', tf.ones([2, 3]), tf.ones([4, 5])), /Expected dimension 3 at axis 0/);
    assert.throws(() => tf.einsum('ij->il', tf.ones([2, 3])), /label l not present/);
  });
  assert.is(tf.memory().numTensors, before);
});

test.run();
