// What `selvedge bench kernels` measures of networks that are no classifiers: normalisation by an image's own statistics, smooth activations,
// up-sampling, conditioning, and losses of outputs, at the shapes of the U-Net of `selvedge bench unet`. Stages of plans are run as their
// kernels, an image a unit. Not a check of results. Invariant: operations are those of the definition; exponentials count as one.
import * as tf from '@tensorflow/tfjs';
import { currentBackend, float32Bits } from '../src/backend/index.ts';
import { type OutputLossName, outputLoss } from '../src/backend/kernels/output-loss.ts';
import { smoothActivate, smoothActivateGrad, smoothActivationCodes } from '../src/backend/kernels/smooth-activation.ts';
import type { KernelCase } from './kernel-cases.ts';

const SIDE = 28;
const CHANNELS = 32;
const GROUPS = 8;
const FLOAT_BYTES = 4;
/** Images of a partition. */
const PARTITION = 8;

/** Makes the cases, with their tensors, which live in the current scope of the engine. */
export function networkKernelCases(batch: number): KernelCase[] {
  const backend = currentBackend();
  const noise = (shape: number[], seed: number): tf.Tensor => tf.randomUniform(shape, -1, 1, 'float32', seed);
  const image = [SIDE, SIDE, CHANNELS];
  const [x, y, dy] = [1, 2, 3].map((seed) => noise([batch, ...image], seed)) as [tf.Tensor, tf.Tensor, tf.Tensor];
  const large = noise([batch, 2 * SIDE, 2 * SIDE, CHANNELS], 4);
  const vectors = noise([batch, CHANNELS], 5);
  const slopes = tf.zeros([batch, CHANNELS]);
  const statistics = tf.zeros([batch, GROUPS, 2]);
  const gamma = tf.ones([CHANNELS]);
  const partials = tf.zeros([Math.ceil(batch / PARTITION), CHANNELS]);
  const offset = (tensor: tf.Tensor): number => backend.offset(tensor);
  const elements = x.size;
  const each = (name: string, flops: number, moved: number, run: () => void): KernelCase => ({
    name,
    shapes: 'seed',
    algorithm: 'elementwise',
    flops: flops * elements,
    bytes: moved * elements * FLOAT_BYTES,
    run,
  });
  const shape = image.join('x');
  /** As `PlanGroupNorm` in assembly/plan/group-norm.ts has them. */
  const normWords = (code: number): number[] => [
    ...[x, y, statistics, gamma, gamma, vectors, vectors].map(offset),
    ...[1, SIDE * SIDE, CHANNELS, GROUPS, float32Bits(1e-5), code, 0],
    ...[offset(dy), offset(y), 0, offset(slopes), 0, offset(slopes), 0],
    ...[offset(partials), offset(partials), CHANNELS, CHANNELS, PARTITION],
  ];
  const images =
    (kernel: string, words: () => number[], grain = 1) =>
    (): void =>
      backend.pool.run(kernel, batch, words(), { grain, scratchBytes: 8192 });
  const freed = (infos: readonly tf.TensorInfo[]): void => {
    for (const { dataId } of infos) backend.disposeData(dataId);
  };
  return [
    each(
      `group norm and FiLM ${shape}`,
      8,
      2,
      images('planGroupNorm', () => normWords(0)),
    ),
    each(
      `group norm, FiLM and SiLU ${shape}`,
      12,
      2,
      images('planGroupNorm', () => normWords(smoothActivationCodes.silu)),
    ),
    each(
      `gradient of group norm and FiLM ${shape}`,
      17,
      3,
      images('planGroupNormGradient', () => normWords(smoothActivationCodes.silu), PARTITION),
    ),
    each(`SiLU ${shape}`, 4, 2, () => freed([smoothActivate(backend, x, 'silu')])),
    each(`gradient of SiLU ${shape}`, 8, 3, () => freed([smoothActivateGrad(backend, { dy, x }, 'silu')])),
    each(`GELU ${shape}`, 16, 2, () => freed([smoothActivate(backend, x, 'gelu')])),
    ...[0, 1].map((isBilinear) =>
      each(
        `up-sampling 2x2 of ${shape}, ${isBilinear ? 'bilinear' : 'nearest'}`,
        isBilinear ? 24 : 4,
        5,
        images('planUpSampling', () => [offset(x), offset(large), ...image, 2, 2, isBilinear, 0]),
      ),
    ),
    each(
      `sum of ${shape} and vectors`,
      1,
      2,
      images('planShift', () => [...[x, vectors, y].map(offset), SIDE * SIDE, CHANNELS]),
    ),
    ...(['meanSquaredError', 'sigmoidCrossEntropy', 'softmaxCrossEntropy'] as const).map((name: OutputLossName) =>
      each(`${name} of ${shape}`, 6, 3, () => freed(Object.values(outputLoss(backend, x, dy, { name })))),
    ),
  ];
}
