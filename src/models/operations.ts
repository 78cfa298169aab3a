// How much arithmetic a network is, from the shapes of its layers. Not a measurement.
// Invariant: counted as the papers of networks do, by the definition of a layer and not by the algorithm that computes it.
import type * as tf from '../backend/tfjs.ts';

/**
 * Floating-point operations of the forward pass of one image: two a multiply-add of convolutions and dense layers. Batch norm, activations,
 * poolings, sums and products are not counted.
 *
 * @param model One whose images have a known size
 *
 * @example
 * ```ts
 * import { buildModel, operationsPerImage, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const model = buildModel('resnet20', { inputShape: [32, 32, 3], classes: 10 });
 * // 41 million multiply-adds.
 * console.assert(Math.round(operationsPerImage(model) / 2e6) === 41);
 * model.dispose();
 * await engine.stop();
 * ```
 */
export function operationsPerImage(model: tf.LayersModel): number {
  return model.layers.reduce((sum, layer) => sum + 2 * multiplyAddsOf(layer), 0);
}

function multiplyAddsOf(layer: tf.layers.Layer): number {
  const shape = (layer.outputShape as number[]).slice(1);
  const outputs = sizeOf(shape);
  const [kernel, pointwise] = layer.weights.map((weight) => weight.shape as number[]);
  switch (layer.getClassName()) {
    case 'Conv2D':
      return outputs * sizeOf(kernel!.slice(0, -1));
    case 'DepthwiseConv2D':
      return outputs * sizeOf(kernel!.slice(0, 2));
    case 'SeparableConv2D':
      return (outputs / shape.at(-1)!) * (sizeOf(kernel!) + sizeOf(pointwise!));
    case 'Dense':
      return outputs * kernel![0]!;
    default:
      return 0;
  }
}

const sizeOf = (extents: readonly number[]): number => extents.reduce((product, extent) => product * extent, 1);
