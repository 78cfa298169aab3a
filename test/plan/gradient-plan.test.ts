// Gradients of the inputs of random networks, several of them among these, and of values between, against tfjs's tape over single operations.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { compileGradients, endingOfLoss, type ModelGraph, readNetwork } from '../../src/plan/index.ts';
import { createPass } from '../../src/training/forward.ts';
import { EVERY_START, noise } from '../backend/kernels/oracle.ts';
import { randomNetwork } from './random-networks.ts';

const NETWORKS = 24;
const TOLERANCE = 2e-4;
/** Networks where rounding decides on which side of a relu's edge a sum lies. */
const MOST_DIFFERENT = 1;

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const INFERENCE = { training: false, seed: 0, step: 0 } as const;
const sizeOf = (shape: readonly (number | null)[]): number => shape.slice(1).reduce<number>((size, x) => size * x!, 1);
const norm = (values: Float32Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

interface Question {
  readonly model: tf.LayersModel;
  readonly graph: ModelGraph;
  readonly inputs: Float32Array[];
  readonly slopes: Float32Array[];
  /** The inputs, and what a layer between makes. */
  readonly values: number[];
}

function questionOf(seed: number, count: number): Question {
  const { model, losses, classes } = randomNetwork(seed);
  const graph = readNetwork(model, losses.map(endingOfLoss)) as ModelGraph;
  const isNumbered = (id: number): boolean =>
    graph.operations.some(({ kind, inputs }) => kind === 'embedding' && inputs[0] === id);
  const inputs = graph.inputs.map((id, i) => {
    const values = noise(count * sizeOf(graph.shapes.get(id)!), seed + i);
    return isNumbered(id) ? values.map((value) => Math.floor(((value + 1) / 2) * classes)) : values;
  });
  const slopes = graph.outputs.map((id, i) => noise(count * sizeOf(graph.shapes.get(id)!), seed + 10 + i));
  const between = graph.operations.find(
    ({ kind, outputs }) => kind !== 'dropout' && kind !== 'embedding' && !graph.outputs.includes(outputs[0]!),
  );
  return { model, graph, inputs, slopes, values: [...graph.inputs, ...(between ? [between.outputs[0]!] : [])] };
}

/** Gradients by the tape, each value by itself: what does not depend on it is computed before. */
function byTape({ graph, inputs, slopes, values }: Question): Float32Array[] {
  return tf.tidy(() => {
    const shapeOf = (id: number, floats: number): number[] => {
      const [, ...extents] = graph.shapes.get(id)! as number[];
      return [floats / extents.reduce((size, x) => size * x, 1), ...extents];
    };
    const pass = createPass(graph, 'values');
    const known = new Map<number, tf.Tensor>(
      graph.inputs.map((id, i) => [id, tf.tensor(inputs[i]!, shapeOf(id, inputs[i]!.length))]),
    );
    const all = new Map(known);
    pass(all, INFERENCE);
    const weights = graph.outputs.map((id, i) => tf.tensor(slopes[i]!, shapeOf(id, slopes[i]!.length)));
    return values.map((value) => {
      const sumOf = (given: tf.Tensor): tf.Scalar => {
        const made = new Map([...known, [value, given]]);
        pass(made, INFERENCE);
        const parts = graph.outputs.map((id, i) => tf.sum(tf.mul(made.get(id)!, weights[i]!)));
        return tf.addN([...parts, tf.mul(tf.sum(given), 0)]) as tf.Scalar;
      };
      const at = all.get(value)!;
      return tf.grad(sumOf)(at).dataSync<'float32'>().slice();
    }) as never;
  });
}

function byPlan({ graph, inputs, slopes, values }: Question, batchSize: number): Float32Array[] {
  const plan = compileGradients(graph, { batchSize, values });
  if ('reason' in plan) throw new Error(plan.reason);
  const made = plan.run(inputs, slopes);
  assert.equal(plan.run(inputs, slopes), made, 'the same again');
  plan.dispose();
  return made.gradients;
}

test('run() gives the gradients of the tape, by every input and a value between', () => {
  const found: string[] = [];
  let several = 0;
  for (let seed = 0; seed < NETWORKS; seed++) {
    const question = questionOf(seed, 3 + (seed % 8));
    const { graph, model } = question;
    const isNumbered = (id: number): boolean =>
      graph.operations.some(({ kind, inputs }) => kind === 'embedding' && inputs[0] === id);
    const before = [tf.memory().numTensors, currentBackend().numDataIds()];
    const planned = byPlan(question, 12);
    const smooth = { ...question, values: question.values.filter((id) => !isNumbered(id)) };
    const expected = byTape(smooth);
    assert.equal([tf.memory().numTensors, currentBackend().numDataIds()], before, `network ${seed}: leak`);
    smooth.values.forEach((id, i) => {
      const actual = planned[question.values.indexOf(id)]!;
      const error = norm(actual.map((value, k) => value - expected[i]![k]!));
      if (!(error <= TOLERANCE * norm(expected[i]!) + 1e-6))
        found.push(`${seed}, value ${id}: ${error} beside ${norm(expected[i]!)}`);
    });
    if (smooth.values.length > 2) several++;
    model.dispose();
  }
  assert.ok(found.length <= MOST_DIFFERENT, found.join('\n'));
  assert.ok(several >= 3, `${several} networks of several inputs`);
});

test('run() depends neither on threads, nor on the room of the plan, nor on the rest of the batch', async () => {
  await engine.stop();
  let first: Float32Array[] | undefined;
  for (const options of EVERY_START) {
    const started = await startBackend(options);
    const question = questionOf(5, 11);
    first ??= byPlan(question, 11);
    assert.equal(byPlan(question, 20), first, JSON.stringify(options));
    const firsts = (arrays: readonly Float32Array[]): Float32Array[] =>
      arrays.map((values) => values.slice(0, (values.length * 3) / 11));
    const three = { ...question, inputs: firsts(question.inputs), slopes: firsts(question.slopes) };
    assert.equal(byPlan(three, 3), firsts(first));
    question.model.dispose();
    await started.stop();
  }
  engine = await startBackend({ threads: 2 });
});

test('run() follows weights that change, and refuses arrays of other lengths', () => {
  const model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [2], units: 1 })] });
  const plan = compileGradients(readNetwork(model, [undefined]) as ModelGraph, { batchSize: 2 });
  if ('reason' in plan) throw new Error(plan.reason);
  for (const kernel of [
    [3, -2],
    [0.5, 8],
  ]) {
    // biome-ignore format: a row
    tf.tidy(() => model.setWeights([tf.tensor2d(kernel, [2, 1]), tf.tensor1d([1])]));
    const { outputs, gradients } = plan.run([Float32Array.of(1, 1)], [Float32Array.of(2)]);
    assert.equal([...outputs[0]!, ...gradients[0]!], [kernel[0]! + kernel[1]! + 1, 2 * kernel[0]!, 2 * kernel[1]!]);
  }
  const refused: [number[], number[]][] = [[[1, 1, 1], [2]], [[1, 1], []], [[], []], [[1, 1], [2, 2]], [[1, 1, 1, 1, 1, 1], [1, 1, 1]]]; // biome-ignore format: a row
  for (const [inputs, slopes] of refused) {
    assert.throws(
      () => plan.run([Float32Array.from(inputs)], [Float32Array.from(slopes)]),
      /Cannot take gradients: expected 1 to 2/,
    );
  }
  plan.dispose();
  model.dispose();
});

test.run();
