// What the first layers of the shipped classifier see at each place of a picture: features by patch. That classifier has seen clothes of
// all ten classes, so this is for a shop's own pictures, not for one-class tasks of Fashion-MNIST (one-class.ts).
// Not here: what is done with them (inspector.ts). Invariant: a place depends on its picture alone.
import * as tf from '../../backend/tfjs.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { readShippedFile, weightsDigest } from '../../models/index.ts';
import { restoreModel } from '../../plan/index.ts';
import { platform } from '../../platform/index.ts';

const SHIPPED = 'best';
/** Halves of height and width: fields of view of 3 and 10 pixels. */
const LAYERS = ['member_1_stem_relu', 'member_1_block_1_2_relu'];
const SIDE = 28;
/** Places down, and across. */
export const GRID = 14;
const BATCH = 64;

/** The network that looks, ready. */
export interface PatchFeatures {
  /** Height and width of a picture. */
  readonly side: number;
  /** Features of a place. */
  readonly width: number;
  /** Which of the features come from which layer: how many each. */
  readonly layers: readonly number[];
  /** sha256 of the weights. */
  readonly digest: string;
  /**
   * @param images Levels `[count, 28, 28]`
   * @returns `[count, 14, 14, width]`, each the mean over the 3x3 places around
   * @throws SelvedgeError `inspect/shape`, `inspect/interrupted` when the signal comes
   */
  look(images: Uint8Array, signal?: AbortSignal): Promise<Float32Array>;
  dispose(): void;
}

/**
 * Opens the first layers of the shipped classifier. Needs a started backend.
 *
 * @returns What the caller disposes
 * @throws SelvedgeError `models/shipped`
 * @example
 * ```ts
 * import { openPatchFeatures, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const features = await openPatchFeatures();
 * console.assert((await features.look(new Uint8Array(784))).length === 14 * 14 * features.width);
 * features.dispose();
 * await engine.stop();
 * ```
 */
export async function openPatchFeatures(): Promise<PatchFeatures> {
  const { model } = await restoreModel(await readShippedFile(SHIPPED));
  const digest = await weightsDigest(model);
  const outputs = LAYERS.map((name) => model.getLayer(name).output as tf.SymbolicTensor);
  const view = tf.model({ inputs: model.inputs, outputs });
  const layers = outputs.map(({ shape }) => shape.at(-1)!);
  const width = layers.reduce((sum, own) => sum + own, 0);
  const size = SIDE * SIDE;
  const lookAt = (images: Uint8Array): Float32Array => {
    const seen = tf.tidy(() => {
      const levels = Float32Array.from(images, (level) => level / 255);
      const maps = view.predictOnBatch(tf.tensor(levels, [images.length / size, SIDE, SIDE, 1])) as tf.Tensor4D[];
      const parts = maps.map((map) => {
        const factor = map.shape[1] / GRID;
        return factor > 1 ? tf.avgPool(map, factor, factor, 'valid') : map;
      });
      return tf.avgPool(tf.concat(parts, 3) as tf.Tensor4D, 3, 1, 'same');
    });
    // Not what tidy() returns: it would look for tensors in every value.
    const values = seen.dataSync<'float32'>().slice();
    seen.dispose();
    return values;
  };
  return {
    side: SIDE,
    width,
    layers,
    digest,
    async look(images, signal) {
      const count = images.length / size;
      if (!Number.isInteger(count)) {
        throw new SelvedgeError(
          'inspect/shape',
          `Cannot look at pictures: expected a multiple of ${size} levels, got ${images.length}`,
        );
      }
      const seen = new Float32Array(count * GRID * GRID * width);
      for (let first = 0; first < count; first += BATCH) {
        await platform.giveWay();
        if (signal?.aborted) throw new SelvedgeError('inspect/interrupted', 'Interrupted');
        const part = images.subarray(first * size, Math.min(count, first + BATCH) * size);
        seen.set(lookAt(part), first * GRID * GRID * width);
      }
      return seen;
    },
    dispose: () => model.dispose(),
  };
}
