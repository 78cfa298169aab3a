// Cases of operations that make, move and copy elements: `selvedge bench operations`.
import * as tf from '@tensorflow/tfjs';
import { booleans, type CaseSizes, floats, integers, type OperationCase, operation, runKernel } from './case.ts';

type Unary = (x: tf.Tensor) => tf.Tensor | tf.Tensor[];

const on = (make: () => tf.Tensor, compute: Unary) => () => {
  const x = make();
  return () => compute(x);
};

export function shapeCases(sizes: CaseSizes): OperationCase[] {
  return [
    ...madeCases(sizes),
    ...partCases(sizes),
    ...joinedCases(sizes),
    ...movedCases(sizes),
    ...indexedCases(sizes),
  ];
}

function madeCases({ side }: CaseSizes): OperationCase[] {
  const all = side * side;
  return [
    operation('Fill', () => () => tf.fill([side, side], 1.5)),
    operation('Fill', () => () => tf.fill([side, side], 7, 'int32'), 'int32'),
    operation('Fill', () => () => tf.fill([side, side], 1, 'bool' as 'int32'), 'bool'),
    operation('Range', () => () => tf.range(0, all)),
    operation('LinSpace', () => () => tf.linspace(0, 1, all)),
    operation(
      'Diag',
      on(() => floats([side]), tf.diag as Unary),
    ),
    operation(
      'OneHot',
      on(
        () => integers([side], side),
        (x) => tf.oneHot(x, side),
      ),
    ),
    operation(
      'Multinomial',
      on(
        () => floats([10, 10]),
        (x) => tf.multinomial(x as tf.Tensor2D, side, 1) as tf.Tensor,
      ),
    ),
    operation('BroadcastArgs', () => {
      const [s0, s1] = [tf.tensor1d([side, 1], 'int32'), tf.tensor1d([1, side], 'int32')];
      return () => runKernel('BroadcastArgs', { s0, s1 });
    }),
    operation(
      'BroadcastTo',
      on(
        () => floats([1, side]),
        (x) => runKernel('BroadcastTo', { x }, { shape: [side, side] }),
      ),
    ),
    operation(
      'Tile',
      on(
        () => floats([10, side]),
        (x) => tf.tile(x, [side / 10, 1]),
      ),
    ),
    operation(
      'ExpandDims',
      on(
        () => floats([side, side]),
        (input) => runKernel('ExpandDims', { input }, { dim: 0 }),
      ),
    ),
    operation(
      'Reshape',
      on(
        () => floats([side, side]),
        (x) => tf.reshape(x, [all]),
      ),
    ),
  ];
}

function partCases({ side }: CaseSizes): OperationCase[] {
  const tenth = side / 10;
  const most = side - 2 * tenth;
  const matrix = () => floats([side, side]);
  const cube = () => floats([10, tenth, side]);
  return [
    operation(
      'Slice',
      on(
        () => floats([side * side]),
        (x) => tf.slice(x, [tenth], [side * most]),
      ),
      'of a vector',
    ),
    operation(
      'Slice',
      on(matrix, (x) => tf.slice(x, [tenth, tenth], [most, most])),
      'of a matrix',
    ),
    operation(
      'Slice',
      on(matrix, (x) => tf.slice(x, [0, 3], [side, 3])),
      'of three columns',
    ),
    operation(
      'Slice',
      on(
        () => booleans([side, side]),
        (x) => tf.slice(x, [3, 3], [most, most]),
      ),
      'bool',
    ),
    operation(
      'Slice',
      on(cube, (x) => tf.slice(x, [1, 1, 1], [8, tenth - 1, most])),
      'of rank 3',
    ),
    operation(
      'Slice',
      on(
        () => floats([4, 5, tenth / 2, side]),
        (x) => tf.slice(x, [1, 1, 0, 1], [2, 3, -1, most]),
      ),
      'of rank 4',
    ),
    operation(
      'SplitV',
      on(matrix, (x) => tf.split(x, 2, 0)),
      'of rows',
    ),
    operation(
      'SplitV',
      on(matrix, (x) => tf.split(x, 2, 1)),
      'of columns',
    ),
    operation(
      'Unpack',
      on(cube, (x) => tf.unstack(x, 0)),
      'along the first axis',
    ),
    operation(
      'Unpack',
      on(
        () => floats([side, tenth, 10]),
        (x) => tf.unstack(x, 2),
      ),
      'along the last axis',
    ),
    operation(
      'StridedSlice',
      on(matrix, (x) => tf.stridedSlice(x, [0, 0], [side, side], [2, 2])),
    ),
    operation(
      'StridedSlice',
      on(matrix, (x) => tf.stridedSlice(x, [0, 0], [side, side], [2, 1])),
      'of rows',
    ),
    operation(
      'StridedSlice',
      on(matrix, (x) => tf.stridedSlice(x, [1, 1], [side - 1, side - 1], [1, 1])),
      'without strides',
    ),
  ];
}

function joinedCases({ side }: CaseSizes): OperationCase[] {
  const half = side / 2;
  const two = (shape: number[], join: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor) => () => {
    const [a, b] = [floats(shape), floats(shape)];
    return () => join(a, b);
  };
  return [
    operation(
      'Concat',
      two([half, side], (a, b) => tf.concat([a, b], 0)),
      'of rows',
    ),
    operation(
      'Concat',
      two([side, half], (a, b) => tf.concat([a, b], 1)),
      'of columns',
    ),
    operation(
      'Concat',
      two([side * half, 1], (a, b) => tf.concat([a, b], 1)),
      'of single elements',
    ),
    operation(
      'Concat',
      () => {
        const x = booleans([half, side]);
        return () => tf.concat([x, x], 1);
      },
      'bool',
    ),
    operation(
      'Pack',
      two([half, side], (a, b) => tf.stack([a, b], 0)),
      'along the first axis',
    ),
    operation(
      'Pack',
      two([half, side], (a, b) => tf.stack([a, b], 2)),
      'along the last axis',
    ),
    operation(
      'PadV2',
      on(
        () => floats([side, side]),
        (x) =>
          tf.pad(x, [
            [1, 1],
            [2, 2],
          ]),
      ),
    ),
    operation(
      'MirrorPad',
      on(
        () => floats([side, side]),
        (x) =>
          tf.mirrorPad(
            x,
            [
              [1, 1],
              [2, 2],
            ],
            'reflect',
          ),
      ),
    ),
  ];
}

function movedCases({ side, image, channels }: CaseSizes): OperationCase[] {
  const matrix = () => floats([side, side]);
  const images = () => floats([4, image, image, channels]);
  const blocks = [2, 2];
  const none = [
    [0, 0],
    [0, 0],
  ];
  return [
    operation(
      'Reverse',
      on(matrix, (x) => tf.reverse(x, 0)),
      'of rows',
    ),
    operation(
      'Reverse',
      on(matrix, (x) => tf.reverse(x, 1)),
      'of columns',
    ),
    operation(
      'Reverse',
      on(
        () => floats([side * side]),
        (x) => tf.reverse(x),
      ),
      'of a vector',
    ),
    operation(
      'Transpose',
      on(matrix, (x) => tf.transpose(x)),
      'of a matrix',
    ),
    operation(
      'Transpose',
      on(images, (x) => tf.transpose(x, [0, 3, 1, 2])),
      'NHWC to NCHW',
    ),
    operation(
      'Transpose',
      on(images, (x) => tf.transpose(x, [1, 0, 2, 3])),
      'of rows',
    ),
    operation(
      'SpaceToBatchND',
      on(images, (x) => tf.spaceToBatchND(x, blocks, none)),
      'of images',
    ),
    operation(
      'SpaceToBatchND',
      on(
        () => floats([1, side, side, 1]),
        (x) =>
          tf.spaceToBatchND(x, blocks, [
            [1, 1],
            [2, 2],
          ]),
      ),
      'of one channel',
    ),
    operation(
      'BatchToSpaceND',
      on(images, (x) => tf.batchToSpaceND(x, blocks, none)),
      'of images',
    ),
    operation(
      'BatchToSpaceND',
      on(
        () => floats([4, side / 2, side / 2, 1]),
        (x) =>
          tf.batchToSpaceND(x, blocks, [
            [1, 1],
            [0, 2],
          ]),
      ),
      'of one channel',
    ),
    operation(
      'DepthToSpace',
      on(images, (x) => tf.depthToSpace(x as tf.Tensor4D, 2)),
    ),
    operation(
      'LogicalAnd',
      on(matrix, (x) => tf.linalg.bandPart(x, 5, 7)),
      'as bandPart',
    ),
  ];
}

function indexedCases({ side }: CaseSizes): OperationCase[] {
  const half = side / 2;
  const rows = () => tf.range(0, half, 1, 'int32');
  const rowIndices = () => tf.reshape(rows(), [half, 1]);
  const values = () => floats([half, side]);
  return [
    operation(
      'GatherV2',
      () => {
        const [x, indices] = [floats([side, side]), integers<tf.Rank.R1>([side], side)];
        return () => tf.gather(x, indices);
      },
      'of rows',
    ),
    operation(
      'GatherV2',
      () => {
        const [x, indices] = [floats([side, side]), integers<tf.Rank.R1>([side], side)];
        return () => tf.gather(x, indices, 1);
      },
      'of columns',
    ),
    operation(
      'GatherNd',
      () => {
        const [x, indices] = [floats([side, side]), integers([side, 1], side)];
        return () => tf.gatherND(x, indices);
      },
      'of rows',
    ),
    operation(
      'GatherNd',
      () => {
        const [x, indices] = [floats([side, side]), integers([side * half, 2], side)];
        return () => tf.gatherND(x, indices);
      },
      'of elements',
    ),
    operation('ScatterNd', () => {
      const [indices, updates] = [rowIndices(), values()];
      return () => tf.scatterND(indices, updates, [side, side]);
    }),
    operation('SparseToDense', () => {
      const [indices, sparse] = [rows(), floats([half])];
      const zero = tf.scalar(0);
      return () => tf.sparseToDense(indices, sparse, [side * side], zero);
    }),
    operation('TensorScatterUpdate', () => {
      const [x, indices, updates] = [floats([side, side]), rowIndices(), values()];
      return () => tf.tensorScatterUpdate(x, indices, updates);
    }),
    operation('UnsortedSegmentSum', () => {
      const [x, segments] = [floats([side, side]), integers<tf.Rank.R1>([side], 10)];
      return () => tf.unsortedSegmentSum(x, segments, 10);
    }),
  ];
}
