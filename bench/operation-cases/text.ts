// Cases of operations on text, and on tensors whose rows differ in length: `selvedge bench operations`.
import * as tf from '@tensorflow/tfjs';
import { type CaseSizes, floats, type OperationCase, operation, runKernel } from './case.ts';

export function textCases(sizes: CaseSizes): OperationCase[] {
  return [...stringCases(sizes), ...sparseCases(sizes), ...raggedCases(sizes)];
}

function stringCases({ side }: CaseSizes): OperationCase[] {
  const words = () => tf.tensor1d(Array.from({ length: side }, (_, i) => `word${i % 17} and${i % 5}`));
  return [
    operation('StaticRegexReplace', () => {
      const x = words();
      return () => tf.string.staticRegexReplace(x, 'word', 'w');
    }),
    operation('StringNGrams', () => {
      const [x, splits] = [words(), tf.tensor1d([0, side], 'int32')];
      return () => tf.string.stringNGrams(x, splits, '|', [2], '', '', 0, false);
    }),
    operation('StringSplit', () => {
      const [x, delimiter] = [words(), tf.scalar(' ')];
      return () => tf.string.stringSplit(x, delimiter);
    }),
    operation('StringToHashBucketFast', () => {
      const x = words();
      return () => tf.string.stringToHashBucketFast(x, 100);
    }),
  ];
}

function sparseCases({ side }: CaseSizes): OperationCase[] {
  const pairs = () => tf.stack([tf.range(0, side, 1, 'int32'), tf.zeros([side], 'int32')], 1) as tf.Tensor2D;
  const shape = () => tf.tensor1d([side, 10], 'int32');
  const segments = (compute: typeof tf.sparse.sparseSegmentSum) => () => {
    const rows = tf.range(0, side, 1, 'int32');
    const ids = tf.cast(tf.floor(tf.div(tf.range(0, side), 4)), 'int32') as tf.Tensor1D;
    const data = floats([side, side]);
    return () => compute(data, rows, ids);
  };
  return [
    operation('SparseFillEmptyRows', () => {
      const [indices, values, dense, zero] = [pairs(), floats<tf.Rank.R1>([side]), shape(), tf.scalar(0)];
      return () => tf.sparse.sparseFillEmptyRows(indices, values, dense, zero);
    }),
    operation('SparseReshape', () => {
      const [indices, from, to] = [pairs(), shape(), tf.tensor1d([-1, 5], 'int32')];
      return () => tf.sparse.sparseReshape(indices, from, to);
    }),
    operation('SparseSegmentMean', segments(tf.sparse.sparseSegmentMean)),
    operation('SparseSegmentSum', segments(tf.sparse.sparseSegmentSum)),
  ];
}

function raggedCases({ side }: CaseSizes): OperationCase[] {
  const splits = () => tf.range(0, side + 1, 1, 'int32');
  return [
    operation('RaggedGather', () => {
      const [rows, values, indices] = [splits(), floats([side]), tf.range(0, side, 1, 'int32')];
      const inputs = { paramsNestedSplits: [rows], paramsDenseValues: values, indices };
      return () => runKernel('RaggedGather', inputs, { outputRaggedRank: 1 });
    }),
    operation('RaggedRange', () => {
      const inputs = { starts: tf.zeros([side]), limits: tf.fill([side], 5), deltas: tf.ones([side]) };
      return () => runKernel('RaggedRange', inputs);
    }),
    operation('RaggedTensorToTensor', () => {
      const [shape, values, zero, rows] = [tf.tensor1d([side, 2], 'int32'), floats([side]), tf.scalar(0), splits()];
      const inputs = { shape, values, defaultValue: zero, rowPartitionTensors: [rows] };
      return () => runKernel('RaggedTensorToTensor', inputs, { rowPartitionTypes: ['ROW_SPLITS'] });
    }),
  ];
}
