// jax-js on its wasm device: the graph as a jitted function, and a whole training step, Adam included, as another.
// Batch normalisation is written for inference only. Invariant: who is passed an array owns it, as jax-js wants it, so a value
// is passed as `.ref` but for its last use.
import { shuffledIndices } from '../../src/core/philox.ts';
import { platform } from '../../src/platform/index.ts';
import type { TrainingRound } from '../training-rounds.ts';
import type { Graph, GraphNode } from './graph.ts';
import { installWorkers } from './jax-workers.ts';
import { channelsFirstKernel, denseKernel, type Layout, weightOf } from './layout.ts';
import { importPeer, serve, versionOf } from './serve.ts';
import { type LoadedWorkload, trainingData } from './workload.ts';

/** The part of an array of jax-js that is used here. */
interface JaxArray {
  readonly ref: JaxArray;
  readonly shape: readonly number[];
  add(other: JaxArray | number): JaxArray;
  sub(other: JaxArray | number): JaxArray;
  mul(other: JaxArray | number): JaxArray;
  div(other: JaxArray | number): JaxArray;
  sum(): JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  data(): Promise<Float32Array>;
}

type Arrays = Record<string, JaxArray>;
type Reduction = (x: JaxArray, axis?: number | readonly number[]) => JaxArray;

interface Jax {
  init(device: 'wasm'): Promise<readonly string[]>;
  readonly numpy: {
    array(values: Float32Array): JaxArray;
    dot(a: JaxArray, b: JaxArray): JaxArray;
    sqrt(x: JaxArray): JaxArray;
    where(condition: JaxArray, then: JaxArray | number, otherwise: JaxArray | number): JaxArray;
    zerosLike(x: JaxArray): JaxArray;
    concatenate(arrays: readonly JaxArray[], axis: number): JaxArray;
    pad(x: JaxArray, widths: readonly (readonly number[])[]): JaxArray;
    readonly max: Reduction;
    readonly mean: Reduction;
  };
  readonly lax: {
    convGeneralDilated(x: JaxArray, w: JaxArray, strides: readonly number[], padding: 'VALID' | 'SAME'): JaxArray;
    reduceWindow(x: JaxArray, reduce: Reduction, size: readonly number[], strides: readonly number[]): JaxArray;
  };
  readonly nn: { relu(x: JaxArray): JaxArray; softmax(x: JaxArray): JaxArray; logSoftmax(x: JaxArray): JaxArray };
  readonly random: {
    key(seed: number): JaxArray;
    split(key: JaxArray, count: number): JaxArray;
    bernoulli(key: JaxArray, probability: number, shape: readonly number[]): JaxArray;
  };
  readonly tree: { ref(tree: Arrays): Arrays };
  jit<F>(f: F): F;
  valueAndGrad<A extends unknown[]>(
    f: (parameters: Arrays, ...rest: A) => JaxArray,
  ): (parameters: Arrays, ...rest: A) => [JaxArray, Arrays];
}

const ADAM = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };

await serve(async ({ task, batchSize, settings }, workload) => {
  const threads = Number(settings.threads);
  if (threads > 1) installWorkers(threads);
  const jax = await importPeer<Jax>('@jax-js/jax');
  await jax.init('wasm');
  if (!workload.graph) throw new Error(workload.unsupported ?? 'the workload has no graph');
  const values = await workload.readWeights(task === 'training' ? 'initial.f32' : 'trained.f32');
  const layout: Layout = { graph: workload.graph, values };
  const parameters = parametersOf(jax, layout, task === 'training');
  const about = {
    version: `${await versionOf('@jax-js/jax')} on ${platform.runtime.name} ${platform.runtime.version}`,
  };
  if (task === 'training') return { ...about, train: await trainer(jax, { workload, layout, parameters, batchSize }) };
  const forward = jax.jit((weights: Arrays, x: JaxArray) => jax.nn.softmax(logitsOf(jax, layout.graph, weights, x)));
  const { height, width, channels } = workload;
  return {
    ...about,
    // With one channel, channels first and channels last are the same.
    predict: (images, count) => {
      const x = jax.numpy.array(images).reshape([count, channels, height, width]);
      return forward(jax.tree.ref(parameters), x).data();
    },
  };
});

/** Weights by name, channels first; a batch normalisation as one factor and one summand a channel. */
function parametersOf(jax: Jax, layout: Layout, isTraining: boolean): Arrays {
  const { array } = jax.numpy;
  const parameters: Arrays = {};
  const keep = (name: string, shape: readonly number[], values: Float32Array): void => {
    parameters[name] = array(values.slice()).reshape(shape);
  };
  for (const node of layout.graph.nodes) {
    if (node.op === 'convolution') {
      const { shape, values } = channelsFirstKernel(layout, node.kernel);
      keep(node.kernel, shape, values);
      if (node.bias) keep(node.bias, [shape[0]!, 1, 1], weightOf(layout, node.bias).values);
    } else if (node.op === 'dense') {
      keep(node.kernel, weightOf(layout, node.kernel).shape, denseKernel(layout, node));
      if (node.bias) keep(node.bias, weightOf(layout, node.bias).shape, weightOf(layout, node.bias).values);
    } else if (node.op === 'batchNormalization') {
      if (isTraining) throw new Error('training with batch normalisation is not written for jax-js');
      const { scale, shift } = foldBatchNormalization(layout, node);
      keep(`${node.output}/scale`, [scale.length, 1, 1], scale);
      keep(`${node.output}/shift`, [shift.length, 1, 1], shift);
    }
  }
  return parameters;
}

function foldBatchNormalization(
  layout: Layout,
  node: GraphNode & { readonly op: 'batchNormalization' },
): { scale: Float32Array; shift: Float32Array } {
  const values = (name: string): Float32Array => weightOf(layout, name).values;
  const mean = values(node.mean);
  const variance = values(node.variance);
  const gamma = node.gamma ? values(node.gamma) : undefined;
  const beta = node.beta ? values(node.beta) : undefined;
  const scale = mean.map((_, channel) => (gamma?.[channel] ?? 1) / Math.sqrt(variance[channel]! + node.epsilon));
  return { scale, shift: mean.map((value, channel) => (beta?.[channel] ?? 0) - value * scale[channel]!) };
}

/** Runs the graph up to its softmax; `key` switches dropout on. */
function logitsOf(jax: Jax, graph: Graph, parameters: Arrays, x: JaxArray, key?: JaxArray): JaxArray {
  const uses = new Map<string, number>();
  for (const name of graph.nodes.flatMap(({ inputs }) => inputs)) uses.set(name, (uses.get(name) ?? 0) + 1);
  const values = new Map<string, JaxArray>([[graph.input, x]]);
  const take = (name: string): JaxArray => {
    const left = uses.get(name)! - 1;
    uses.set(name, left);
    return left > 0 ? values.get(name)!.ref : values.get(name)!;
  };
  let random = key;
  const nextKey = (): JaxArray | undefined => {
    if (!random) return undefined;
    const keys = jax.random.split(random, 2) as JaxArray & Iterable<JaxArray>;
    const [next, own] = keys;
    random = next;
    return own;
  };
  for (const node of graph.nodes.slice(0, -1)) {
    const inputs = node.inputs.map(take);
    values.set(node.output, apply(jax, node, { inputs, parameters, nextKey }));
  }
  return values.get(graph.nodes.at(-1)!.inputs[0]!)!;
}

interface Call {
  readonly inputs: readonly JaxArray[];
  readonly parameters: Arrays;
  readonly nextKey: () => JaxArray | undefined;
}

function apply(jax: Jax, node: GraphNode, { inputs, parameters, nextKey }: Call): JaxArray {
  const { numpy: np, lax, nn, random } = jax;
  const x = inputs[0]!;
  switch (node.op) {
    case 'convolution': {
      const padding = node.padding === 'same' ? 'SAME' : 'VALID';
      const y = lax.convGeneralDilated(x, parameters[node.kernel]!, node.strides, padding);
      return node.bias ? y.add(parameters[node.bias]!) : y;
    }
    case 'dense': {
      const y = np.dot(x, parameters[node.kernel]!);
      return node.bias ? y.add(parameters[node.bias]!) : y;
    }
    case 'batchNormalization':
      return x.mul(parameters[`${node.output}/scale`]!).add(parameters[`${node.output}/shift`]!);
    case 'maxPool':
    case 'averagePool':
      if (node.padding === 'same') throw new Error('pooling with padding is not written for jax-js');
      return lax.reduceWindow(x, node.op === 'maxPool' ? np.max : np.mean, node.size, node.strides);
    case 'activation':
      return node.function === 'relu' ? nn.relu(x) : nn.softmax(x);
    case 'dropout': {
      const key = nextKey();
      if (!key) return x;
      const keep = 1 - node.rate;
      const mask = random.bernoulli(key, keep, x.shape);
      return np.where(mask, x.mul(1 / keep), 0);
    }
    case 'flatten':
      return x.reshape([x.shape[0]!, -1]);
    case 'globalAveragePool':
      return np.mean(x, [2, 3]);
    case 'globalMaxPool':
      return np.max(x, [2, 3]);
    case 'add':
      return inputs.slice(1).reduce((sum, value) => sum.add(value), x);
    case 'concatenate':
      return np.concatenate(inputs, 1);
    case 'zeroPadding':
      return np.pad(x, [[0, 0], [0, 0], node.rows, node.columns]);
  }
}

interface TrainerOptions {
  readonly workload: LoadedWorkload;
  readonly layout: Layout;
  readonly parameters: Arrays;
  readonly batchSize: number;
}

/** Makes what trains in rounds: shuffled batches, one jitted step each, the loss read. */
async function trainer(
  jax: Jax,
  { workload, layout, parameters, batchSize }: TrainerOptions,
): Promise<(milliseconds: number) => Promise<TrainingRound>> {
  const { numpy: np } = jax;
  const data = await trainingData(workload);
  const { images, labels, count, height, width, channels, classNames } = data;
  const imageSize = height * width * channels;
  const step = trainingStep(jax, layout.graph);
  const zeros = (): Arrays =>
    Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, np.zerosLike(value.ref)]));
  let state: State = { weights: parameters, first: zeros(), second: zeros() };
  let epoch = 1;
  let order = shuffledIndices(count, { seed: 1, epoch });
  let at = 0;
  let updates = 0;
  const update = async (): Promise<number> => {
    if (at + batchSize > count) {
      order = shuffledIndices(count, { seed: 1, epoch: ++epoch });
      at = 0;
    }
    const x = new Float32Array(batchSize * imageSize);
    const y = new Float32Array(batchSize * classNames.length);
    order.subarray(at, at + batchSize).forEach((example, i) => {
      for (let pixel = 0; pixel < imageSize; pixel++) {
        x[i * imageSize + pixel] = images[example * imageSize + pixel]! / 255;
      }
      y[i * classNames.length + labels[example]!] = 1;
    });
    at += batchSize;
    updates++;
    const { learningRate, beta1, beta2 } = ADAM;
    const stepSize = (learningRate * Math.sqrt(1 - beta2 ** updates)) / (1 - beta1 ** updates);
    const [loss, next] = step(
      state,
      np.array(x).reshape([batchSize, channels, height, width]),
      np.array(y).reshape([batchSize, classNames.length]),
      jax.random.key(updates),
      np.array(Float32Array.of(stepSize)),
    );
    state = next;
    return (await loss.data())[0]!;
  };
  return async (milliseconds) => {
    const losses: number[] = [];
    const start = platform.now();
    let elapsedMs = 0;
    do {
      losses.push(await update());
      elapsedMs = platform.now() - start;
    } while (elapsedMs < milliseconds);
    const loss = losses.reduce((sum, value) => sum + value, 0) / losses.length;
    return { images: losses.length * batchSize, elapsedMs, firstLoss: losses[0]!, loss };
  };
}

/** Weights and Adam's moments. */
interface State {
  readonly weights: Arrays;
  readonly first: Arrays;
  readonly second: Arrays;
}

type Step = (state: State, x: JaxArray, y: JaxArray, key: JaxArray, stepSize: JaxArray) => [JaxArray, State];

/** Loss, gradients and Adam in one jitted function. */
function trainingStep(jax: Jax, graph: Graph): Step {
  const { numpy: np, nn } = jax;
  const lossOf = (weights: Arrays, x: JaxArray, y: JaxArray, key: JaxArray): JaxArray => {
    const count = x.shape[0]!;
    return nn
      .logSoftmax(logitsOf(jax, graph, weights, x, key))
      .mul(y)
      .sum()
      .mul(-1 / count);
  };
  const { beta1, beta2, epsilon } = ADAM;
  return jax.jit<Step>(({ weights, first, second }, x, y, key, stepSize) => {
    const [loss, gradients] = jax.valueAndGrad(lossOf)(jax.tree.ref(weights), x, y, key);
    const next = { weights: {} as Arrays, first: {} as Arrays, second: {} as Arrays };
    const names = Object.keys(weights);
    names.forEach((name, index) => {
      const gradient = gradients[name]!;
      const m = first[name]!.mul(beta1).add(gradient.ref.mul(1 - beta1));
      const v = second[name]!.mul(beta2).add(gradient.ref.mul(gradient).mul(1 - beta2));
      const size = index < names.length - 1 ? stepSize.ref : stepSize;
      const change = m.ref.div(np.sqrt(v.ref).add(epsilon)).mul(size);
      next.weights[name] = weights[name]!.sub(change);
      next.first[name] = m;
      next.second[name] = v;
    });
    return [loss, next];
  });
}
