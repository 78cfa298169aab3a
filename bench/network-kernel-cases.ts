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
/** Of a table. */
const ROWS = 16;
const FLOAT_BYTES = 4;
/** Images of a partition. */
const PARTITION = 8;

/** Makes the cases, with their tensors, which live in the current scope of the engine. */
export function networkKernelCases(batch: number): KernelCase[] {
  const backend = currentBackend();
  const noise = (shape: number[], seed: number): tf.Tensor => tf.randomUniform(shape, -1, 1, 'float32', seed);
  const image = [SIDE, SIDE, CHANNELS];
  const [x, y, dy] = [1, 2, 3].map((seed) => noise([batch, ...image], seed)) as [tf.Tensor, tf.Tensor, tf.Tensor];
  const large = noise([batch, 2 * SIDE, 2 * SIDE, CHANNELS], 4) as tf.Tensor4D;
  const filter = noise([4, 4, CHANNELS, CHANNELS], 6) as tf.Tensor4D;
  const table = noise([ROWS, CHANNELS], 7);
  const numbers = tf.floor(tf.randomUniform([batch, SIDE * SIDE], 0, ROWS, 'float32', 8));
  const vectors = noise([batch, CHANNELS], 5);
  const slopes = tf.zeros([batch, CHANNELS]);
  const statistics = tf.zeros([batch, SIDE * SIDE, 2]);
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
    ...weightSums,
  ];
  const weightSums = [offset(partials), offset(partials), CHANNELS, CHANNELS, PARTITION];
  const layerNormWords = [
    ...[x, y, statistics, gamma, gamma].map(offset),
    ...[0, 0, SIDE * SIDE, 1, CHANNELS, 1, float32Bits(1e-5), 0, 0],
    ...[offset(dy), offset(y), 0, 0, 0, 0, 0, ...weightSums],
  ];
  /** As `PlanBias` in assembly/plan/bias.ts has them. */
  const biasWords = [...[y, gamma, dy, partials].map(offset), SIDE * SIDE, CHANNELS, CHANNELS, PARTITION];
  const images =
    (kernel: string, words: () => number[], grain = 1) =>
    (): void =>
      backend.pool.run(kernel, batch, words(), { grain, scratchBytes: 8192 });
  const freed = (infos: readonly tf.TensorInfo[]): void => {
    for (const { dataId } of infos) backend.disposeData(dataId);
  };
  const normed = (name: string, kernel: string, flops: number, moved: number, code: number): KernelCase =>
    each(
      `${name} ${shape}`,
      flops,
      moved,
      images(kernel, () => normWords(code), PARTITION),
    );
  const { silu } = smoothActivationCodes;
  return [
    normed('group norm and FiLM', 'planGroupNorm', 8, 2, 0),
    normed('group norm, FiLM and SiLU', 'planGroupNorm', 12, 2, silu),
    normed('gradient of group norm, FiLM and SiLU', 'planGroupNormGradient', 17, 3, silu),
    each(
      `layer norm ${shape}`,
      8,
      2,
      images('planGroupNorm', () => layerNormWords),
    ),
    each(
      `gradient of layer norm ${shape}`,
      9,
      3,
      images('planGroupNormGradient', () => layerNormWords, PARTITION),
    ),
    each(`SiLU ${shape}`, 4, 2, () => freed([smoothActivate(backend, x, 'silu')])),
    each(`gradient of SiLU ${shape}`, 8, 3, () => freed([smoothActivateGrad(backend, { dy, x }, 'silu')])),
    each(`GELU ${shape}`, 16, 2, () => freed([smoothActivate(backend, x, 'gelu')])),
    each(`gradient of GELU ${shape}`, 20, 3, () => freed([smoothActivateGrad(backend, { dy, x }, 'gelu')])),
    ...[0, 1].flatMap((isBilinear) => {
      const name = `up-sampling 2x2 of ${shape}, ${isBilinear ? 'bilinear' : 'nearest'}`;
      const words = (): number[] => [offset(x), offset(large), ...image, 2, 2, isBilinear, 0];
      return [
        each(name, isBilinear ? 24 : 4, 5, images('planUpSampling', words)),
        each(`gradient of ${name}`, isBilinear ? 24 : 4, 5, images('planUpSamplingGradient', words)),
      ];
    }),
    ...(['conv2dTranspose', 'gradient of conv2dTranspose'] as const).map((name, isGradient) =>
      each(`${name} 4x4, stride 2, of ${shape}`, 2 * 16 * CHANNELS, 5, () =>
        tf.tidy(() => {
          if (isGradient === 0) tf.conv2dTranspose(x as tf.Tensor4D, filter, large.shape, 2, 'same');
          else tf.conv2d(large, filter, 2, 'same');
        }),
      ),
    ),
    each(
      `sum of ${shape} and vectors`,
      1,
      2,
      images('planShift', () => [...[x, vectors, y].map(offset), SIDE * SIDE, CHANNELS]),
    ),
    each(
      `gradient of a sum of ${shape} and vectors`,
      1,
      2,
      images('planShiftGradient', () => [...[dy, y, slopes].map(offset), SIDE * SIDE, CHANNELS, 0, 0]),
    ),
    each(
      `gradient of a product of ${shape} and vectors`,
      3,
      3,
      images('planProductGradient', () => [...[dy, x, vectors, y, slopes].map(offset), SIDE * SIDE, CHANNELS, 0, 0]),
    ),
    each(
      `embedding of ${SIDE * SIDE} numbers in ${CHANNELS}`,
      1,
      1,
      images('planEmbedding', () => [...[numbers, table, y].map(offset), SIDE * SIDE, ROWS, CHANNELS]),
    ),
    each(`gradient of an embedding of ${SIDE * SIDE} numbers in ${CHANNELS}`, 1, 1, () =>
      backend.pool.run(
        'planEmbeddingGradient',
        ROWS,
        [...[numbers, dy, table].map(offset), batch * SIDE * SIDE, ROWS, CHANNELS],
        { grain: 1 },
      ),
    ),
    each(
      `bias of ${shape}`,
      1,
      2,
      images('planBias', () => biasWords),
    ),
    each(
      `gradient of a bias of ${shape}`,
      1,
      1,
      images('planBiasGradient', () => biasWords, PARTITION),
    ),
    ...(['meanSquaredError', 'huber', 'sigmoidCrossEntropy', 'softmaxCrossEntropy'] as const).map(
      (name: OutputLossName) =>
        each(`${name} of ${shape}`, 6, 3, () => freed(Object.values(outputLoss(backend, x, dy, { name })))),
    ),
  ];
}
