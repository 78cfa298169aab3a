import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { countConfusion } from '../../src/backend/kernels/confusion-matrix.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import { compareEvaluations } from '../../src/evaluation/compare.ts';
import { confusionMatrix } from '../../src/evaluation/confusion-matrix.ts';
import { categoricalCrossentropy, evaluateModel } from '../../src/evaluation/evaluate.ts';

const test = suite('evaluation on a backend');
let engine: RunningBackend;

test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

/** Scalar reference of the kernel. */
function countPlainly(scores: Float32Array, labels: readonly number[], classes: number) {
  const counts = new Int32Array(classes * classes);
  const predicted = new Int32Array(labels.length);
  labels.forEach((label, sample) => {
    const row = [...scores.subarray(sample * classes, (sample + 1) * classes)];
    predicted[sample] = row.some(Number.isNaN) ? -1 : row.indexOf(Math.max(...row));
    if (predicted[sample] >= 0) counts[label * classes + predicted[sample]]!++;
  });
  return { counts, predicted };
}

const codeOf = async (action: () => unknown): Promise<string> => {
  try {
    await action();
    return 'none';
  } catch (error) {
    return error instanceof SelvedgeError ? error.code : String(error);
  }
};

test('countConfusion() equals the scalar reference over random shapes, ties and NaN', () => {
  const cases = fc
    .tuple(fc.integer({ min: 1, max: 13 }), fc.integer({ min: 0, max: 1500 }), fc.integer())
    .chain(([classes, rows, seed]) => fc.constant({ classes, rows, seed }));
  fc.assert(
    fc.property(cases, ({ classes, rows, seed }) => {
      let state = seed | 1;
      const draw = (): number => {
        state = (Math.imul(state, 1664525) + 1013904223) | 0;
        return state >>> 16;
      };
      // Few distinct values make ties common.
      const scores = Float32Array.from({ length: rows * classes }, () =>
        draw() % 997 === 0 ? Number.NaN : draw() % 5,
      );
      const labels = Array.from({ length: rows }, () => draw() % classes);
      assert.equal(countConfusion(engine.backend, scores, labels, classes), countPlainly(scores, labels, classes));
    }),
    { seed: 1, numRuns: 60 },
  );
});

test('countConfusion() reads scores in place by their byte offset', () => {
  const scores = Float32Array.of(0.1, 0.9, 0.8, 0.2, -1, -2);
  engine.backend.withMemory(scores.byteLength, (offset) => {
    engine.backend.bytes(offset, scores.byteLength).set(new Uint8Array(scores.buffer));
    assert.equal([...countConfusion(engine.backend, offset, [1, 1, 0], 2).counts], [1, 0, 1, 1]);
  });
});

test('countConfusion() bounds its count tables when there are many classes', () => {
  const classes = 700;
  const labels = Array.from({ length: 1200 }, (_, sample) => sample % classes);
  const scores = new Float32Array(labels.length * classes);
  labels.forEach((label, sample) => {
    scores[sample * classes + ((label + 1) % classes)] = 1;
  });
  const { counts } = countConfusion(engine.backend, scores, labels, classes);
  assert.is(counts[0 * classes + 1], 2);
  assert.is(
    counts.reduce((sum, value) => sum + value, 0),
    1200,
  );
});

test('confusionMatrix() refuses wrong shapes, labels out of range and NaN', async () => {
  const two = Float32Array.of(0.5, 0.5);
  assert.is(await codeOf(() => confusionMatrix(two, [0, 1], 2)), 'evaluation/shape');
  assert.is(await codeOf(() => confusionMatrix(two, [0], 0)), 'evaluation/shape');
  assert.is(await codeOf(() => confusionMatrix(two, [2], 2)), 'evaluation/label');
  assert.is(await codeOf(() => confusionMatrix(two, [-1], 2)), 'evaluation/label');
  assert.is(await codeOf(() => confusionMatrix(Float32Array.of(0.5, Number.NaN), [0], 2)), 'evaluation/nan');
});

const classNames = ['cat', 'dog', 'owl'];
const truth = [0, 1, 2, 0, 1, 2, 0];
/** Probability .8 for the class named, .1 for the others. */
const sure = (labels: readonly number[]): Float32Array =>
  Float32Array.from(labels.flatMap((label) => classNames.map((_, other) => (other === label ? 0.8 : 0.1))));
const evaluateAs = (model: string, predicted: readonly number[], batchSize = 3) =>
  evaluateModel(
    (start, end) => sure(predicted.slice(start, end)),
    { name: 'test', classNames, labels: Uint8Array.from(truth) },
    { model, batchSize },
  );

test('evaluateModel() counts, scores and picks samples, whatever the batch size', async () => {
  const evaluation = await evaluateAs('a', [0, 1, 2, 1, 1, 0, 0]);
  assert.is(evaluation.count, 7);
  assert.is(evaluation.correct, 5);
  assert.is(evaluation.incorrect, 2);
  assert.is(evaluation.accuracy, 5 / 7);
  assert.equal(evaluation.confusion, [
    [2, 1, 0],
    [0, 2, 0],
    [1, 0, 1],
  ]);
  assert.equal(evaluation.firstCorrect, [0, 1, 2, 4, 6]);
  assert.equal(evaluation.firstIncorrect, [3, 5]);
  assert.equal(evaluation.predictions.label, [0, 1, 2, 1, 1, 0, 0]);
  assert.equal(evaluation.predictions.probability, Array(7).fill(0.8));
  assert.ok(Math.abs(evaluation.loss - (-5 * Math.log(0.8) - 2 * Math.log(0.1)) / 7) < 1e-6);
  assert.is(evaluation.reportText.split('\n')[2], '         cat       0.67      0.67      0.67         3');
  assert.equal(JSON.parse(JSON.stringify(evaluation)), evaluation, 'survives JSON');
  const { model: _, ...rest } = await evaluateAs('b', [0, 1, 2, 1, 1, 0, 0], 7);
  const { model: __, ...same } = evaluation;
  assert.equal(rest, same);
});

test('evaluateModel() says how far it is and refuses nothing to evaluate and short batches', async () => {
  const heard: number[] = [];
  const set = { name: 'test', classNames, labels: truth };
  await evaluateModel((start, end) => sure(truth.slice(start, end)), set, {
    model: 'a',
    batchSize: 4,
    onBatch: (done) => heard.push(done),
  });
  assert.equal(heard, [4, 7]);
  const empty = { name: 'test', classNames, labels: [] };
  assert.is(await codeOf(() => evaluateModel(() => new Float32Array(0), empty, { model: 'a' })), 'evaluation/empty');
  assert.is(await codeOf(() => evaluateModel(() => new Float32Array(3), set, { model: 'a' })), 'evaluation/shape');
});

test('categoricalCrossentropy() clips as Keras: a certain mistake costs -log(1e-7)', () => {
  const loss = categoricalCrossentropy(Float32Array.of(1, 0), [1], 2);
  assert.ok(Math.abs(loss - 16.11809565095832) < 1e-12);
});

test('compareEvaluations() pairs the samples of two models', async () => {
  const first = await evaluateAs('first', [0, 1, 2, 1, 1, 0, 0]);
  const second = await evaluateAs('second', [0, 1, 2, 0, 0, 0, 0]);
  const comparison = compareEvaluations(first, second);
  assert.equal(
    [comparison.bothRight, comparison.bothWrong, comparison.mcNemar.onlyFirst, comparison.mcNemar.onlySecond],
    [4, 1, 1, 1],
  );
  assert.is(comparison.mcNemar.pValue, 1);
  assert.is(comparison.totals.find(({ name }) => name === 'Correct')!.difference, 0);
  assert.equal(
    comparison.f1.map(({ name }) => name),
    classNames,
  );
});

test('compareEvaluations() refuses evaluations of different samples', async () => {
  const first = await evaluateAs('first', truth);
  const other = await evaluateModel(() => sure([0]), { name: 'other', classNames, labels: [0] }, { model: 'second' });
  assert.is(await codeOf(() => compareEvaluations(first, other)), 'evaluation/different-sets');
});

test.run();
