// Outputs of any layers of any model, for its inputs: by an inference plan, or by tfjs's own `predict` where the plan does not know a layer.
// Not here: classifiers from resident examples (predictor.ts). Invariant: both roads give the same values up to rounding; weights may
// change between calls; by the plan, values of an image depend neither on its batch nor on threads.
import { currentBackend, type SelvedgeBackend } from '../backend/index.ts';
import { writesInPlace } from '../backend/kernels/optimizer-update.ts';
import * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import { floatsOf, PARTITION_IMAGES, type Range } from './context.ts';
import type { Value } from './fuse.ts';
import { planGraph } from './graph.ts';
import { partsOf } from './inference-batches.ts';
import { type InferenceNetwork, layoutNetwork, networkOf } from './inference-network.ts';
import { PlanLayout } from './layout.ts';
import { type Call, type Job, type Phase, PlanMemory, runPhase } from './program.ts';
import { endingOf, readNetwork, type Unsupported } from './read-model.ts';

export interface NetworkPredictorOptions {
  /** Names of the layers whose outputs are wanted. Default: the outputs of the model. */
  readonly layers?: readonly string[];
  /** Examples that go through the network at once at most; larger calls are cut. Default: 64. */
  readonly batchSize?: number;
}

/** An input or output, without the axis of the batch. */
export interface NetworkEnd {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface NetworkPredictor {
  /** Why the model runs op by op, many times slower, if it does. */
  readonly unplanned?: string;
  readonly inputs: readonly NetworkEnd[];
  /** In the order in which they were asked for. */
  readonly outputs: readonly NetworkEnd[];
  /**
   * @param inputs `[count, …]` of each input, in their order; one alone need not be in a list
   * @returns `[count, …]` of each output: arrays of their own
   * @throws SelvedgeError `predictor/shape`
   */
  predict(inputs: Float32Array | readonly Float32Array[]): Float32Array[];
  /** Gives back its memory; the model stays. */
  dispose(): void;
}

const BATCH_SIZE = 64;

/**
 * Makes any model ready to predict on the running backend, or tells what its layers make of images: features.
 *
 * @param model It stays the caller's, and its weights are followed
 * @returns A predictor, which the caller disposes before the backend stops
 * @throws SelvedgeError `predictor/shape` for inputs or outputs of an open size, `predictor/layer` for layers that the model has not
 * @example
 * ```ts
 * import { buildModel, createNetworkPredictor, initializeWeights, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const model = buildModel('dropout', { inputShape: [28, 28, 1], classes: 10 });
 * initializeWeights(model, 1);
 * const name = model.layers.at(-2)!.name;
 * const predictor = createNetworkPredictor(model, { layers: [name] });
 * const [features] = predictor.predict(new Float32Array(2 * 28 * 28));
 * console.assert(features!.length === 2 * predictor.outputs[0]!.shape[0]!);
 * predictor.dispose();
 * await engine.stop();
 * ```
 */
export function createNetworkPredictor(model: tf.LayersModel, options: NetworkPredictorOptions = {}): NetworkPredictor {
  const { batchSize = BATCH_SIZE } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1) throw shapeError('a batch size from 1', `${batchSize}`);
  const tensors = options.layers?.map((name) => outputOf(model, name)) ?? model.outputs;
  const inputs = model.inputs.map(endOf);
  const outputs = tensors.map((tensor, i) => ({
    ...endOf(tensor),
    name: options.layers?.[i] ?? tensor.sourceLayer.name,
  }));
  const endings = tensors.map((tensor) => (endingOf(tensor) === 'softmax' ? ('softmax' as const) : undefined));
  const network = plannedNetwork(model, tensors, endings);
  const isPlanned = !('reason' in network);
  const road = isPlanned
    ? new PlannedNetwork(network, { batchSize, isSoftmax: endings.map((ending) => ending !== undefined) })
    : opByOp(tf.model({ inputs: model.inputs, outputs: [...tensors] }), inputs);
  return {
    ...(isPlanned ? {} : { unplanned: network.reason }),
    inputs,
    outputs,
    predict(given) {
      const values = given instanceof Float32Array ? [given] : given;
      const count = countOf(values, inputs);
      const made = outputs.map(({ shape }) => new Float32Array(count * sizeOf(shape)));
      for (let start = 0; start < count; start += batchSize) {
        const size = Math.min(batchSize, count - start);
        const part = values.map((all, i) => {
          const floats = sizeOf(inputs[i]!.shape);
          return all.subarray(start * floats, (start + size) * floats);
        });
        road.run(part, size).forEach((results, i) => {
          made[i]!.set(results, start * sizeOf(outputs[i]!.shape));
        });
      }
      return made;
    },
    dispose: () => road.dispose(),
  };
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

function outputOf(model: tf.LayersModel, name: string): tf.SymbolicTensor {
  const layer = model.layers.find((known) => known.name === name);
  const nodes = layer?.inboundNodes ?? [];
  const [tensor, ...others] = nodes.at(-1)?.outputTensors ?? [];
  if (tensor && others.length === 0 && nodes.length === 1) return tensor;
  throw new SelvedgeError(
    'predictor/layer',
    `Cannot predict layer "${name}" of model "${model.name}": expected one of ${model.layers.map((known) => known.name).join(', ')}` +
      (layer ? ' that is used once and has one output' : ''),
  );
}

function endOf({ name, shape: [, ...extents] }: tf.SymbolicTensor): NetworkEnd {
  if (extents.every((extent) => typeof extent === 'number')) return { name, shape: extents as number[] };
  throw shapeError(
    'inputs and outputs of known size',
    `[${extents.map((extent) => extent ?? 'open').join(', ')}] of "${name}"`,
  );
}

function countOf(values: readonly Float32Array[], inputs: readonly NetworkEnd[]): number {
  if (values.length !== inputs.length) throw shapeError(`${inputs.length} inputs`, `${values.length}`);
  const counts = values.map(({ length }, i) => length / sizeOf(inputs[i]!.shape));
  const count = counts[0]!;
  const wrong = counts.findIndex((each) => each !== count || !Number.isInteger(each));
  if (wrong < 0) return count;
  const floats = sizeOf(inputs[wrong]!.shape);
  throw shapeError(
    `as many examples of ${floats} values of input "${inputs[wrong]!.name}" as of the others`,
    `${values[wrong]!.length} values`,
  );
}

const shapeError = (expected: string, got: string): SelvedgeError =>
  new SelvedgeError('predictor/shape', `Cannot predict: expected ${expected}, got ${got}`);

function plannedNetwork(
  model: tf.LayersModel,
  tensors: readonly tf.SymbolicTensor[],
  endings: readonly ('softmax' | undefined)[],
): InferenceNetwork | Unsupported {
  const read = readNetwork(model, endings, tensors);
  if ('reason' in read) return read;
  const graph = planGraph(read, false);
  return 'reason' in graph ? graph : networkOf(graph);
}

/** Values of one batch. */
interface Road {
  /** What is returned is valid until the next call. */
  run(inputs: readonly Float32Array[], size: number): Float32Array[];
  dispose(): void;
}

function opByOp(model: tf.LayersModel, inputs: readonly NetworkEnd[]): Road {
  return {
    run: (values, size) =>
      tf.tidy(() => {
        const tensors = values.map((each, i) => tf.tensor(each, [size, ...inputs[i]!.shape]));
        return [model.predict(tensors, { batchSize: size })].flat().map((y) => y.dataSync<'float32'>().slice());
      }),
    // Its layers are those of the caller's model.
    dispose() {},
  };
}

/** More lanes than threads, so that a thread that is held up does not hold up all. */
const LANES_PER_THREAD = 2;
/** Programs that are kept, one a size of batch. */
const PROGRAMS = 8;

interface NetworkPlanOptions {
  readonly batchSize: number;
  /** Of each output: whether a softmax of its last axis follows. */
  readonly isSoftmax: readonly boolean[];
}

/** Where a value comes from or goes to outside of the lanes. */
interface Port {
  readonly value: Value;
  readonly byteOffset: number;
}

class PlannedNetwork implements Road {
  readonly #backend: SelvedgeBackend;
  readonly #layout: PlanLayout;
  readonly #options: NetworkPlanOptions;
  readonly #lanes: number;
  readonly #inputs: readonly Port[];
  readonly #outputs: readonly Port[];
  readonly #derive: readonly Phase[];
  readonly #scratchBytes: number;
  readonly #through: (range: Range) => Job;
  readonly #programs = new Map<number, { readonly memory: PlanMemory; readonly phase: Phase }>();
  #writesSeen = -1;

  constructor(network: InferenceNetwork, options: NetworkPlanOptions) {
    const { batchSize } = options;
    this.#options = options;
    this.#backend = currentBackend();
    const { threads } = this.#backend.pool;
    this.#lanes = Math.min(Math.ceil(batchSize / PARTITION_IMAGES), LANES_PER_THREAD * threads);
    const capacity = this.#lanes * PARTITION_IMAGES;
    const { inputs } = network;
    this.#layout = new PlanLayout(this.#backend, { capacity, inputs, isTraining: false, seed: 0 });
    try {
      const { memory } = this.#layout;
      const { derivations, scratchBytes, calls } = layoutNetwork(this.#layout, network, capacity);
      this.#scratchBytes = scratchBytes;
      this.#through = calls;
      this.#derive = derivations.map((jobs) => memory.phase(jobs));
      const portOf = (value: Value): Port => ({ value, byteOffset: memory.floats(batchSize * floatsOf(value)) });
      this.#inputs = inputs.map(portOf);
      this.#outputs = network.outputs.map(portOf);
    } catch (error) {
      this.#layout.dispose();
      throw error;
    }
  }

  run(inputs: readonly Float32Array[], size: number): Float32Array[] {
    const phase = this.#phase(size);
    this.#inputs.forEach(({ byteOffset }, i) => {
      this.#floats(byteOffset, inputs[i]!.length).set(inputs[i]!);
    });
    const writes = writesInPlace();
    if (this.#layout.followWeights() || writes !== this.#writesSeen) {
      for (const derive of this.#derive) runPhase(this.#backend, derive, this.#scratchBytes);
      this.#writesSeen = writes;
    }
    runPhase(this.#backend, phase, this.#scratchBytes);
    return this.#outputs.map(({ value, byteOffset }) => this.#floats(byteOffset, size * floatsOf(value)));
  }

  #floats(byteOffset: number, length: number): Float32Array {
    return new Float32Array(this.#layout.memory.view(byteOffset, length).buffer, byteOffset, length);
  }

  #phase(size: number): Phase {
    const known = this.#programs.get(size);
    if (known) return known.phase;
    if (this.#programs.size === PROGRAMS) {
      const [oldest, program] = this.#programs.entries().next().value!;
      program.memory.dispose();
      this.#programs.delete(oldest);
    }
    const memory = new PlanMemory(this.#backend);
    const lanes = this.#lanes;
    const parts = partsOf(size, { lanes, threads: this.#backend.pool.threads });
    const jobs: Call[][] = Array.from({ length: Math.min(lanes, parts.length) }, () => []);
    try {
      parts.forEach(({ lane, first, size: images }, i) => {
        const range = { first: lane, last: lane + images };
        const inward = this.#inputs.map((port) => this.#copy(memory, port, first, range, true));
        const outward = this.#outputs.map((port, k) =>
          this.#options.isSoftmax[k]
            ? this.#softmax(memory, port, first, range)
            : this.#copy(memory, port, first, range, false),
        );
        jobs[i % lanes]!.push(...inward, ...this.#through(range), ...outward);
      });
      const program = { memory, phase: memory.phase(jobs) };
      this.#programs.set(size, program);
      return program.phase;
    } catch (error) {
      memory.dispose();
      throw error;
    }
  }

  /** Lanes count their images from the first lane on, batches from the first image: what differs is in the places. */
  #copy(
    memory: PlanMemory,
    { value, byteOffset }: Port,
    image: number,
    { first, last }: Range,
    isInward: boolean,
  ): Call {
    const floats = floatsOf(value);
    const outside = byteOffset + (image - first) * floats * 4;
    const inside = this.#layout.buffersOf(value).value;
    const places = isInward ? [outside, inside] : [inside, outside];
    return { kernel: 'planCopy', args: memory.words([...places, floats]), start: first, end: last };
  }

  #softmax(memory: PlanMemory, { value, byteOffset }: Port, image: number, { first, last }: Range): Call {
    const [height, width, classes] = value.shape;
    const rows = height * width;
    const outside = byteOffset + (image - first) * floatsOf(value) * 4;
    const args = memory.words([this.#layout.buffersOf(value).value, outside, classes]);
    return { kernel: 'planSoftmax', args, start: first * rows, end: last * rows };
  }

  dispose(): void {
    for (const { memory } of this.#programs.values()) memory.dispose();
    this.#programs.clear();
    this.#layout.dispose();
  }
}
