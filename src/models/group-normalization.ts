// Group normalisation as a layer, which tfjs has not: a class of ours, with Keras's name and settings, so that models that have it save and
// load. Not fast: tfjs's operations one by one; plans have a kernel for it. Invariant: an image is normalised by itself alone, in
// training and out of it.
import * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';

export interface GroupNormalizationArgs {
  readonly name?: string;
  readonly trainable?: boolean;
  /** Of channels, which they divide. Default: 8. */
  readonly groups?: number;
  /** Added to the variance. Default: 1e-3. */
  readonly epsilon?: number;
  /** Whether there is an offset a channel. Default: yes. */
  readonly center?: boolean;
  /** Whether there is a factor a channel. Default: yes. */
  readonly scale?: boolean;
  /** Default: zeros and ones. */
  readonly betaInitializer?: 'zeros' | 'ones';
  readonly gammaInitializer?: 'zeros' | 'ones';
}

/**
 * Group normalisation (Wu & He 2018) over the pixels and some of the channels, the last axis, of an image.
 *
 * @example
 * ```ts
 * import { groupNormalization, startBackend } from 'selvedge';
 * import * as tf from '@tensorflow/tfjs';
 * const engine = await startBackend({ threads: 1 });
 * const y = groupNormalization({ groups: 2 }).apply(tf.ones([1, 4, 4, 8])) as tf.Tensor;
 * console.assert(y.shape.join() === '1,4,4,8');
 * await engine.stop();
 * ```
 */
export const groupNormalization = (args: GroupNormalizationArgs = {}): tf.layers.Layer => new GroupNormalization(args);

export class GroupNormalization extends tf.layers.Layer {
  static className = 'GroupNormalization';
  readonly #groups: number;
  readonly #epsilon: number;
  readonly #center: boolean;
  readonly #scale: boolean;
  readonly #betaInitializer: ReturnType<typeof tf.initializers.zeros>;
  readonly #gammaInitializer: ReturnType<typeof tf.initializers.zeros>;
  #gamma: tf.LayerVariable | undefined;
  #beta: tf.LayerVariable | undefined;

  /** `args`: as of `groupNormalization`, or what `getConfig` gave. */
  constructor(args: GroupNormalizationArgs = {}) {
    const {
      groups = 8,
      epsilon = 1e-3,
      center = true,
      scale = true,
      betaInitializer,
      gammaInitializer,
      ...rest
    } = args;
    super(rest);
    if (!Number.isInteger(groups) || groups < 1) {
      throw new SelvedgeError('models/groups', `Cannot normalise ${groups} groups: expected a whole number from 1`);
    }
    this.#groups = groups;
    this.#epsilon = epsilon;
    this.#center = center;
    this.#scale = scale;
    this.#betaInitializer = initializerOf(betaInitializer ?? 'zeros');
    this.#gammaInitializer = initializerOf(gammaInitializer ?? 'ones');
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    const channels = (inputShape as tf.Shape).at(-1);
    if (typeof channels !== 'number' || channels % this.#groups !== 0) {
      throw new SelvedgeError(
        'models/groups',
        `Cannot normalise ${channels} channels in ${this.#groups} groups: expected groups of the same size`,
      );
    }
    if (this.#scale) this.#gamma = this.addWeight('gamma', [channels], 'float32', this.#gammaInitializer);
    if (this.#center) this.#beta = this.addWeight('beta', [channels], 'float32', this.#betaInitializer);
    super.build(inputShape);
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape | tf.Shape[] {
    return inputShape;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const x = Array.isArray(inputs) ? inputs[0]! : inputs;
      const channels = x.shape.at(-1)!;
      const grouped = tf.reshape(x, [x.shape[0]!, -1, this.#groups, channels / this.#groups]);
      const off = tf.sub(grouped, tf.mean(grouped, [1, 3], true));
      const variance = tf.mean(tf.square(off), [1, 3], true);
      let y: tf.Tensor = tf.reshape(tf.mul(off, tf.rsqrt(tf.add(variance, this.#epsilon))), x.shape);
      if (this.#gamma) y = tf.mul(y, this.#gamma.read());
      return this.#beta ? tf.add(y, this.#beta.read()) : y;
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {
      ...super.getConfig(),
      groups: this.#groups,
      epsilon: this.#epsilon,
      center: this.#center,
      scale: this.#scale,
      betaInitializer: serialized(this.#betaInitializer),
      gammaInitializer: serialized(this.#gammaInitializer),
    };
  }
}

tf.serialization.registerClass(GroupNormalization);

type Initializer = ReturnType<typeof tf.initializers.zeros>;

/** From a name, or from what `getConfig` gave, as JSON has it. */
function initializerOf(from: unknown): Initializer {
  const name =
    typeof from === 'string'
      ? from
      : ((from as Record<string, unknown>).className ?? (from as Record<string, unknown>).class_name);
  if (name === 'zeros' || name === 'Zeros') return tf.initializers.zeros();
  if (name === 'ones' || name === 'Ones') return tf.initializers.ones();
  throw new SelvedgeError(
    'models/initializer',
    `Cannot initialise group normalisation: expected zeros or ones, got "${name}"`,
  );
}

const serialized = (initializer: Initializer): tf.serialization.ConfigDict => ({
  className: initializer.getClassName(),
  config: {},
});
