// A model's inference plan as data: laid out on a memory that begins empty, of which every word that is not zero is kept.
// Not here: the file (src/edge/), what is quantised (export-model.ts). Invariant: the calls are those of the inference plan, for one
// partition of images, so their results are its results.
import type { TensorReference } from '../backend/index.ts';
import type * as tf from '../backend/tfjs.ts';
import type { Network } from '../edge/index.ts';
import { floatsOf, PARTITION_IMAGES } from './context.ts';
import { type ImageShape, type Operation, planGraph } from './graph.ts';
import { type InferenceNetwork, inferenceNetworkOf, layoutNetwork, networkOf } from './inference-network.ts';
import { PlanLayout, sizeOfVariable } from './layout.ts';
import type { Call, PlanHeap } from './program.ts';
import { readNetwork, type Unsupported } from './read-model.ts';

/** A weight that the network reads, and where. */
export interface PlacedWeight {
  readonly variable: tf.LayerVariable;
  readonly byteOffset: number;
  /** Output channels, a scale each; undefined where the weight is no filter, and stays as it is. */
  readonly channels: number | undefined;
}

export interface RecordedNetwork extends Omit<Network, 'weights'> {
  readonly inputShape: ImageShape;
  /** Values of the output. */
  readonly classes: number;
  readonly weights: readonly PlacedWeight[];
}

/** Operations whose kernels are not among those of edge deployments. */
const ENGINE_ONLY: readonly Operation['kind'][] = [
  'embedding',
  'groupNormalization',
  'layerNormalization',
  'shift',
  'smoothActivation',
  'transposedConvolution',
  'upSampling',
];

/** Address 0 means "none" to kernels. */
const FIRST_BYTE = 64;
const ALIGNMENT = 8;
/** Zeros between words that are kept along with them: a run of its own costs two numbers of a file's header. */
const MAX_GAP_WORDS = 8;

/** How an exported network ends: in the probabilities of classes, or in the values of its output as they are. */
export type RecordedEnding = 'softmax' | 'linear';

/**
 * Records what an inference plan of a model does.
 *
 * @param model As for `compileInference`; of a linear ending: one output of any shape. It stays the caller's
 * @returns The network, or the reason why there is no plan
 */
export function recordNetwork(
  model: tf.LayersModel,
  ending: RecordedEnding = 'softmax',
): RecordedNetwork | Unsupported {
  const network = ending === 'softmax' ? inferenceNetworkOf(model) : linearNetworkOf(model);
  if ('reason' in network) return network;
  const { operations } = network;
  const [input, logits] = [network.inputs[0]!, network.outputs[0]!];
  const missing = operations.find(({ kind }) => ENGINE_ONLY.includes(kind));
  if (missing) return { reason: `exported models have no ${missing.kind}` };
  const heap = new RecordedHeap(model.weights);
  const layout = new PlanLayout(heap, { capacity: PARTITION_IMAGES, inputs: [input], isTraining: false, seed: 0 });
  const { derivations, scratchBytes, calls } = layoutNetwork(layout, network, PARTITION_IMAGES);
  const { memory } = layout;
  const classes = floatsOf(logits);
  const isSoftmax = ending === 'softmax';
  const values = layout.buffersOf(logits).value;
  const output = isSoftmax ? memory.floats(PARTITION_IMAGES * classes) : values;
  const softmax = layout.args([values, output, classes]);
  const programs = Array.from({ length: PARTITION_IMAGES }, (_, i): Call[] => [
    ...calls({ first: 0, last: i + 1 }),
    ...(isSoftmax ? [{ kernel: 'planSoftmax', args: softmax, start: 0, end: i + 1 }] : []),
  ]);
  const scratch = memory.reserve(scratchBytes);
  layout.followWeights();
  const wordsOf = (program: readonly Call[]): Int32Array =>
    Int32Array.from(
      program.flatMap(({ kernel, args, start, end }) => [heap.pool.kernelIndex(kernel), args, start, end]),
    );
  const filters = new Map(operations.flatMap((operation) => filterOf(operation)));
  return {
    inputShape: input.shape,
    classes,
    input: layout.buffersOf(input).value,
    output,
    scratch,
    derivation: wordsOf(derivations.flat(2)),
    programs: programs.map(wordsOf),
    kernels: heap.kernels,
    words: heap.writtenWords(),
    weights: [...heap.places].map(([variable, byteOffset]) => ({
      variable,
      byteOffset,
      channels: filters.get(variable),
    })),
    memoryBytes: heap.byteLength,
  };
}

function linearNetworkOf(model: tf.LayersModel): InferenceNetwork | Unsupported {
  const read = readNetwork(model, [undefined], model.outputs);
  if ('reason' in read) return read;
  const graph = planGraph(read, false);
  return 'reason' in graph ? graph : networkOf(graph);
}

/** The filter of an operation and its output channels. */
function filterOf(operation: Operation): [tf.LayerVariable, number][] {
  if (!('kernel' in operation)) return [];
  const { kernel } = operation;
  const extents = kernel.shape as number[];
  const channels = operation.kind === 'depthwise' ? extents.at(-2)! * extents.at(-1)! : extents.at(-1)!;
  return [[kernel, channels]];
}

/** A memory that is nowhere but in numbers. Weights get places when somebody asks for them; what was freed is not given again. */
class RecordedHeap implements PlanHeap {
  /** A deployment is to be fast, whatever the engine that exports it was started for. */
  readonly exactConvolution = false;
  /** By number. */
  readonly kernels: string[] = [];
  readonly places = new Map<tf.LayerVariable, number>();
  readonly #variables: ReadonlyMap<object, tf.LayerVariable>;
  #bytes = new Uint8Array(1 << 20);
  #end = FIRST_BYTE;

  constructor(variables: readonly tf.LayerVariable[]) {
    this.#variables = new Map(variables.map((variable) => [variable.read().dataId, variable]));
  }

  get byteLength(): number {
    return this.#end;
  }

  readonly pool = {
    kernelIndex: (name: string): number => {
      const known = this.kernels.indexOf(name);
      return known >= 0 ? known : this.kernels.push(name) - 1;
    },
  };

  allocate(bytes: number): number {
    const byteOffset = this.#end;
    this.#end = Math.ceil((byteOffset + bytes) / ALIGNMENT) * ALIGNMENT;
    return byteOffset;
  }

  free(): void {}

  bytes(byteOffset: number, length: number): Uint8Array {
    if (this.#end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#end, 2 * this.#bytes.length));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    return this.#bytes.subarray(byteOffset, byteOffset + length);
  }

  offset({ dataId }: TensorReference): number {
    const variable = this.#variables.get(dataId);
    if (!variable) throw new TypeError('a recorded network reads the weights of its model alone');
    const known = this.places.get(variable);
    if (known !== undefined) return known;
    // Vectors may be read beyond the end.
    const byteOffset = this.allocate(sizeOfVariable(variable) * 4 + 64);
    this.places.set(variable, byteOffset);
    return byteOffset;
  }

  /** Runs of words that are not zero, in order of address. */
  writtenWords(): { byteOffset: number; values: Int32Array }[] {
    const words = new Int32Array(this.bytes(0, this.#end).slice().buffer);
    const runs: { byteOffset: number; values: Int32Array }[] = [];
    let first = -1;
    let last = -1;
    const close = (): void => {
      if (first >= 0) runs.push({ byteOffset: first * 4, values: words.slice(first, last + 1) });
    };
    words.forEach((word, i) => {
      if (word === 0) return;
      if (first < 0 || i - last > MAX_GAP_WORDS) {
        close();
        first = i;
      }
      last = i;
    });
    close();
    return runs;
  }
}
