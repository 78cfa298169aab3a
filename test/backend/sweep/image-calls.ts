// Calls of kernels that scale, turn, cut and box images.
import * as tf from '@tensorflow/tfjs';
import { type Call, type Calls, gradientOf, pair } from './kinds.ts';

const resize =
  (operation: typeof tf.image.resizeBilinear, isGradient: boolean): Call =>
  (draw) => {
    // Its gradient to the nearest is of the first image alone.
    const x = draw.tensor<tf.Rank.R4>([1, draw.extent(2), draw.extent(2), draw.int(1, 4)]);
    // From one pixel alone to corners, the cpu backend divides by zero, and its gradient never ends.
    const size: [number, number] = [draw.extent(2), draw.extent(2)];
    const corners = draw.chance();
    const centers = !corners && !isGradient && draw.chance();
    return () =>
      isGradient
        ? gradientOf((value: tf.Tensor4D) => operation(value, size, corners).square())(x())
        : operation(x(), size, corners, centers);
  };

/** Boxes with their scores. */
const suppression =
  (
    run: (
      boxes: tf.Tensor2D,
      scores: tf.Tensor1D,
      draw: { most: number; iou: number; score: number; sigma: number; pad: boolean },
    ) => tf.Tensor | tf.Tensor[],
  ): Call =>
  (draw) => {
    const count = draw.extent();
    const boxes = draw.tensor<tf.Rank.R2>([count, 4], 'float32', [0, 1]);
    const scores = draw.tensor<tf.Rank.R1>([count], 'float32', [0, 1]);
    const settings = {
      most: draw.int(1, 20),
      iou: draw.number(0, 1),
      score: draw.number(0, 1),
      sigma: draw.number(0.1, 1),
      pad: draw.chance(),
    };
    return () => run(boxes(), scores(), settings);
  };

export const imageCalls: Calls = {
  BatchToSpaceND: (draw) => {
    const block = pair(draw, 3);
    const x = draw.tensor(
      [block[0] * block[1] * draw.int(1, 2), draw.extent(1), draw.extent(1), draw.int(1, 3)],
      draw.type(),
    );
    return () =>
      tf.batchToSpaceND(x(), block, [
        [0, 0],
        [0, 0],
      ]);
  },
  CropAndResize: (draw) => {
    const batch = draw.int(1, 3);
    const x = draw.tensor<tf.Rank.R4>([batch, draw.extent(1), draw.extent(1), draw.int(1, 3)]);
    const count = draw.int(1, 4);
    const boxes = draw.tensor<tf.Rank.R2>([count, 4], 'float32', [-0.3, 1.3]);
    const indices = draw.tensor<tf.Rank.R1>([count], 'int32', [0, batch - 1]);
    const size: [number, number] = [draw.int(1, 9), draw.int(1, 9)];
    // The nearest of two that are equally near depends on rounding.
    const method = 'bilinear';
    return () => tf.image.cropAndResize(x(), boxes(), indices(), size, method, 0.5);
  },
  DepthToSpace: (draw) => {
    const block = draw.int(2, 3);
    const x = draw.tensor<tf.Rank.R4>(
      [draw.int(1, 2), draw.extent(1), draw.extent(1), block * block * draw.int(1, 3)],
      draw.type(),
    );
    return () => tf.depthToSpace(x(), block);
  },
  FlipLeftRight: (draw) => {
    const x = draw.tensor<tf.Rank.R4>([draw.int(1, 3), draw.extent(1), draw.extent(1), draw.int(1, 4)]);
    return () => tf.image.flipLeftRight(x());
  },
  NonMaxSuppressionV3: suppression((boxes, scores, { most, iou, score }) =>
    tf.image.nonMaxSuppression(boxes, scores, most, iou, score),
  ),
  NonMaxSuppressionV4: suppression(
    (boxes, scores, { most, iou, score, pad }) =>
      Object.values(tf.image.nonMaxSuppressionPadded(boxes, scores, most, iou, score, pad)) as tf.Tensor[],
  ),
  NonMaxSuppressionV5: suppression(
    (boxes, scores, { most, iou, score, sigma }) =>
      Object.values(tf.image.nonMaxSuppressionWithScore(boxes, scores, most, iou, score, sigma)) as tf.Tensor[],
  ),
  ResizeBilinear: resize(tf.image.resizeBilinear, false),
  ResizeBilinearGrad: resize(tf.image.resizeBilinear, true),
  ResizeNearestNeighbor: resize(tf.image.resizeNearestNeighbor, false),
  ResizeNearestNeighborGrad: resize(tf.image.resizeNearestNeighbor, true),
  RotateWithOffset: (draw) => {
    const x = draw.tensor<tf.Rank.R4>([draw.int(1, 2), draw.extent(1), draw.extent(1), draw.int(1, 3)]);
    const angle = draw.number(-3, 3);
    return () => tf.image.rotateWithOffset(x(), angle, 0.5, [0.4, 0.6]);
  },
  SpaceToBatchND: (draw) => {
    const block = pair(draw, 3);
    const x = draw.tensor(
      [draw.int(1, 2), block[0] * draw.int(1, 4), block[1] * draw.int(1, 4), draw.int(1, 3)],
      draw.type(),
    );
    return () =>
      tf.spaceToBatchND(x(), block, [
        [0, 0],
        [0, 0],
      ]);
  },
  Transform: (draw) => {
    // The cpu backend fills all images but the first.
    const x = draw.tensor<tf.Rank.R4>([1, draw.extent(1), draw.extent(1), draw.int(1, 3)]);
    const matrix = [
      draw.number(0.5, 1.5),
      draw.number(-0.3, 0.3),
      draw.number(-2, 2),
      draw.number(-0.3, 0.3),
      draw.number(0.5, 1.5),
      draw.number(-2, 2),
      0,
      0,
    ];
    const mode = draw.pick(['constant', 'reflect', 'wrap', 'nearest'] as const);
    const method = draw.pick(['nearest', 'bilinear'] as const);
    const size: [number, number] = [draw.int(1, 9), draw.int(1, 9)];
    return () => tf.image.transform(x(), tf.tensor2d([matrix]), method, mode, 0.5, size);
  },
};
