// The layers that an ONNX graph comes to, as descriptions and arrays: no engine runs, nothing is to be disposed.
// Not here: operators, making a tf.LayersModel of it. Invariant: a layer has its weights in tfjs's order and shapes.
import type { LayerJson, ModelJson } from '../rebuild.ts';
import type { Image, Vector } from './values.ts';

/** Numbers of a weight, in the order of the model's layers. */
export interface LayerWeight {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export interface ReadNetwork {
  readonly json: ModelJson;
  /** By the name of the layer. */
  readonly weights: ReadonlyMap<string, readonly LayerWeight[]>;
}

export interface NewLayer {
  readonly className: string;
  /** Wanted; it may get a number behind it. */
  readonly name: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly inputs: readonly string[];
  readonly weights?: readonly LayerWeight[];
}

export class NetworkBuilder {
  readonly #layers: LayerJson[] = [];
  readonly #weights = new Map<string, readonly LayerWeight[]>();
  readonly #names = new Set<string>();
  readonly #input: string;

  /** @param shape Height, width and channels, or features */
  constructor(shape: readonly number[]) {
    this.#input = this.#unique('images');
    const config = { name: this.#input, batch_input_shape: [null, ...shape], dtype: 'float32', sparse: false };
    this.#layers.push({ name: this.#input, class_name: 'InputLayer', config, inbound_nodes: [] });
  }

  get input(): string {
    return this.#input;
  }

  /** @returns The layer's name */
  add({ className, name: wanted, config = {}, inputs, weights }: NewLayer): string {
    const name = this.#unique(wanted.replace(/[^\w.-]+/g, '_').replace(/^[_.-]+/, '') || className.toLowerCase());
    this.#layers.push({
      name,
      class_name: className,
      config: { name, trainable: true, dtype: 'float32', ...config },
      inbound_nodes: [inputs.map((input) => [input, 0, 0, {}] as const)],
    });
    if (weights) this.#weights.set(name, weights);
    return name;
  }

  /** Takes a name for a layer that is to come. */
  finish(output: string, name: string): ReadNetwork {
    const json = {
      name,
      layers: this.#layers,
      input_layers: [[this.#input, 0, 0] as const],
      output_layers: [[output, 0, 0] as const],
    };
    return { json, weights: this.#weights };
  }

  #unique(wanted: string): string {
    let name = wanted;
    for (let i = 2; this.#names.has(name); i++) name = `${wanted}_${i}`;
    this.#names.add(name);
    return name;
  }
}

/** Has a layer made when it is first asked for. */
export function once(make: () => string): () => string {
  let made: string | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

export const imageOf = (
  layer: () => string,
  shape: Image['shape'],
  { layout = 'nchw', isNonNegative = false }: Partial<Pick<Image, 'layout' | 'isNonNegative'>> = {},
): Image => ({ kind: 'image', shape, layout, isNonNegative, layer });

export const vectorOf = (
  layer: () => string,
  size: number,
  { order, isNonNegative = false }: Partial<Pick<Vector, 'order' | 'isNonNegative'>> = {},
): Vector => ({ kind: 'vector', size, order, isNonNegative, layer });
