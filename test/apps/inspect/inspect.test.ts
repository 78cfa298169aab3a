import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  alarmProbability,
  alarmThreshold,
  decodeInspector,
  encodeInspector,
  exportAnomalyNetwork,
  fitDrift,
  fitGaussian,
  fitInspector,
  fitOneClass,
  gaussianDistances,
  inspectImages,
  makeAnomaly,
  makeDefects,
  measurePicture,
  openInspectionNetwork,
  storeRows,
  trainAnomalyNetwork,
  transformImages,
  watchDrift,
} from '../../../src/apps/inspect/index.ts';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import * as tf from '../../../src/backend/tfjs.ts';
import { createPhilox } from '../../../src/core/philox.ts';
import { loadFashionMnistSample } from '../../../src/data/sources.ts';
import { createClassifier, edgeKernelsDigest } from '../../../src/edge/index.ts';
import { createNetworkPredictor } from '../../../src/plan/index.ts';
import { compileEngineFile } from '../../../src/platform/index.ts';

const test = suite('inspect');
let engine: RunningBackend;
let boots: Uint8Array;
const codeIs =
  (code: string) =>
  (error: { code: string }): boolean =>
    error.code === code;
const rejects = async (run: () => Promise<unknown>, code: string): Promise<void> => {
  const thrown = (await run().catch((error) => error)) as { code?: string };
  assert.is(thrown.code, code);
};

test.before(async () => {
  engine = await startBackend({ threads: 1 });
  const { train, test: set } = await loadFashionMnistSample();
  const own = [train, set].flatMap(({ images, labels }) =>
    [...labels.keys()].filter((i) => labels[i] === 9).map((i) => images.subarray(i * 784, (i + 1) * 784)),
  );
  boots = new Uint8Array(own.length * 784);
  own.forEach((image, i) => {
    boots.set(image, i * 784);
  });
});
test.after(() => engine.stop());

test('transformImages() gives eight different pictures of the same levels', () => {
  const draws = createPhilox({ seed: 1, stream: 99 });
  const image = Uint8Array.from({ length: 49 }, () => draws.nextBelow(256));
  const { images } = transformImages(image, 7);
  const ways = Array.from({ length: 8 }, (_, way) => images.slice(way * 49, (way + 1) * 49));
  assert.is(new Set(ways.map((way) => way.join())).size, 8);
  for (const way of ways) assert.equal(way.slice().sort(), image.slice().sort());
  assert.throws(() => transformImages(new Uint8Array(3), 2), codeIs('inspect/shape'));
});

test('storeRows() finds the nearest rows as a plain loop does, and leaks nothing', async () => {
  const tensors = tf.memory().numTensors;
  const draws = createPhilox({ seed: 2, stream: 99 });
  const rows = (count: number) => Float32Array.from({ length: count * 5 }, () => draws.nextUniform());
  const [stored, asked] = [rows(301), rows(270)];
  const store = storeRows(stored, { width: 5, neighbours: 3 });
  const found = await store.nearest(asked);
  store.dispose();
  for (let i = 0; i < 270; i++) {
    const distances = Array.from({ length: 301 }, (_, j) => {
      let square = 0;
      for (let k = 0; k < 5; k++) square += (asked[i * 5 + k]! - stored[j * 5 + k]!) ** 2;
      return Math.sqrt(square);
    });
    const sorted = [...distances].sort((a, b) => a - b);
    assert.ok(Math.abs(found.distances[i]! - (sorted[0]! + sorted[1]! + sorted[2]!) / 3) < 1e-4);
    assert.is(found.rows[i], distances.indexOf(sorted[0]!));
  }
  assert.throws(() => storeRows(stored, { width: 1000 }), codeIs('inspect/rows'));
  assert.is(tf.memory().numTensors, tensors);
});

test('fitGaussian() does what its name says', () => {
  const fit = fitGaussian(Float32Array.of(0, 0, 2, 0, 0, 2, 2, 2), 2, 1e-9);
  assert.ok(Math.abs(gaussianDistances(fit, Float32Array.of(4, 1))[0]! - 3) < 1e-6);
  assert.throws(() => fitGaussian(new Float32Array(0), 2, 1), codeIs('inspect/rows'));
});

test('alarmThreshold() keeps false alarms to the wanted rate, and refuses a rate that too few pictures can show', () => {
  const held = Array.from({ length: 99 }, (_, i) => i);
  for (const rate of [0.01, 0.05, 0.2]) {
    const threshold = alarmThreshold(held, rate);
    for (let score = -1; score < 101; score += 0.5) {
      assert.is(score > threshold, alarmProbability(held, score) <= rate + 1e-12, `${score} at ${rate}`);
    }
  }
  assert.throws(() => alarmThreshold(held.slice(1), 0.01), codeIs('inspect/few'));
  assert.throws(() => alarmThreshold(held, Number.NaN), codeIs('inspect/rate'));
});

test('fitInspector() finds holes in boots, and other clothes, and its file gives the same back bit for bit', async () => {
  const network = await openInspectionNetwork();
  const half = boots.subarray(0, 100 * 784);
  const rest = boots.subarray(100 * 784);
  const inspector = fitInspector(half, network, { falseAlarms: 0.1 });
  const options = { kind: 'hole', size: 'large', seed: 1, width: 28, height: 28 } as const;
  const fine = inspectImages(inspector, network, rest);
  const spoilt = inspectImages(inspector, network, makeDefects(rest, options).images);
  const larger = spoilt.filter(({ score }, i) => score > fine[i]!.score).length;
  assert.ok(larger > 0.8 * spoilt.length, `${larger} of ${spoilt.length}`);
  const { test: set } = await loadFashionMnistSample();
  const trouser = set.labels.indexOf(1);
  const [other] = inspectImages(inspector, network, set.images.subarray(trouser * 784, (trouser + 1) * 784));
  assert.ok(other!.isAlarm && other!.parts.density > 2);
  assert.equal(inspectImages(inspector, network, rest.subarray(784, 2 * 784)), fine.slice(1, 2));

  const statistics = Float64Array.from({ length: 20 * 7 }, (_, i) => i % 13);
  const stored = {
    inspector,
    drift: fitDrift(statistics),
    preparation: { side: 28, channels: 1, fit: 'object' } as const,
  };
  const bytes = await encodeInspector(stored);
  assert.equal(await decodeInspector(bytes, { name: 'm' }), stored);
  await rejects(() => decodeInspector(bytes.subarray(0, -9), { name: 'm' }), 'inspect/corrupt');
  const changed = bytes.slice();
  changed[200]! ^= 1;
  await rejects(() => decodeInspector(changed, { name: 'm' }), 'inspect/corrupt');
  changed[8] = 9;
  await rejects(() => decodeInspector(changed, { name: 'm' }), 'inspect/version');
  await rejects(() => decodeInspector(Uint8Array.of(1, 2), { name: 'm' }), 'inspect/foreign');
  assert.throws(() => inspectImages({ ...inspector, network: 'x' }, network, rest), codeIs('inspect/other-network'));
  assert.throws(() => fitInspector(half, network, { falseAlarms: 0.001 }), codeIs('inspect/few'));
  assert.throws(() => fitInspector(half, network, { falseAlarms: 0.6 }), codeIs('inspect/rate'));
  assert.throws(() => inspectImages(inspector, network, rest.subarray(1)), codeIs('edge/images'));
});

test('makeAnomaly() changes what its mask says, in three pictures of five, and the same again', () => {
  const count = boots.length / 784;
  let changed = 0;
  for (let position = 0; position < count; position++) {
    const made = makeAnomaly(boots, { position, epoch: 3, seed: 7, side: 28 });
    const original = boots.subarray(position * 784, (position + 1) * 784);
    assert.ok(made.image.every((level, i) => (made.mask[i] === 1) === Math.abs(level - original[i]!) >= 8));
    changed += Number(made.mask.includes(1));
    assert.equal(makeAnomaly(boots, { position, epoch: 3, seed: 7, side: 28 }), made);
  }
  assert.ok(changed > 0.45 * count && changed < 0.7 * count, `${changed} of ${count}`);
  const blank = new Uint8Array(784);
  assert.equal(makeAnomaly(blank, { position: 0, epoch: 0, seed: 1, side: 28 }), { image: blank, mask: blank });
});

test('trainAnomalyNetwork() learns by the plan, and its file answers as the plan does but for int8, and leaks nothing', async () => {
  const tensors = tf.memory().numTensors;
  const images = boots.subarray(0, 64 * 784);
  const losses: number[] = [];
  const model = (await trainAnomalyNetwork(images, {
    settings: { widths: [4, 8], blocks: 1, epochs: 3, batchSize: 16 },
    onEpoch: ({ loss }) => losses.push(loss),
  }))!;
  assert.ok(losses[2]! < losses[0]!, losses.join());
  const kernels = await compileEngineFile('edge.wasm');
  const file = await exportAnomalyNetwork(model, { kernels: edgeKernelsDigest(kernels), settings: {} });
  const network = await createClassifier({ model: file, kernels });
  const predictor = createNetworkPredictor(model);
  assert.is(predictor.unplanned, undefined);
  const [expected] = predictor.predict(Float32Array.from(images, (level) => level / 255));
  const largest = expected!.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  assert.ok(network.classify(images).every((value, i) => Math.abs(value - expected![i]!) < 0.05 * largest));
  assert.equal(
    [...network.model.labels].map(Number).sort((a, b) => a - b),
    [...Array(784).keys()],
  );
  predictor.dispose();
  model.dispose();
  const controller = new AbortController();
  controller.abort();
  assert.is(await trainAnomalyNetwork(images, { signal: controller.signal }), undefined);
  assert.is(tf.memory().numTensors, tensors);
});

test('fitOneClass() gives the same scores again, finds noise stranger than boots, and ends when told', async () => {
  const tensors = tf.memory().numTensors;
  const settings = { epochs: 1 };
  const good = boots.subarray(0, 60 * 784);
  const seen = Uint8Array.from([
    ...boots.subarray(60 * 784, 70 * 784),
    ...boots.subarray(0, 784).map((_, i) => (i * 97) % 256),
  ]);
  const scores: Float64Array[] = [];
  for (let time = 0; time < 2; time++) {
    const model = await fitOneClass(good, 28, { settings });
    scores.push((await model.score(seen)).combined);
    model.dispose();
  }
  assert.equal(scores[0], scores[1]);
  assert.ok(scores[0]!.subarray(0, 10).every((score) => score < scores[0]![10]!));
  await rejects(() => fitOneClass(good.subarray(0, 784), 28), 'inspect/few');
  const controller = new AbortController();
  controller.abort();
  await rejects(() => fitOneClass(good, 28, { settings, signal: controller.signal }), 'inspect/interrupted');
  assert.is(tf.memory().numTensors, tensors);
});

test('watchDrift() notices dimmer light, names what changed, and is quiet where nothing does', () => {
  const count = boots.length / 784;
  const of = (change: (level: number) => number, i: number) =>
    measurePicture(boots.slice(i * 784, (i + 1) * 784).map(change), 28, 28);
  const good = Float64Array.from(Array.from({ length: count }, (_, i) => [...of((level) => level, i)]).flat());
  const baseline = fitDrift(good);
  const [still, dim] = [watchDrift(baseline), watchDrift(baseline)];
  let alarm: ReturnType<typeof dim.next>;
  for (let i = 0; i < 2 * count; i++) {
    assert.is(still.next(of((level) => level, i % count)), undefined);
    alarm = dim.next(of((level) => (i < count ? level : Math.round(level / 3)), i % count));
  }
  assert.ok(alarm && alarm.noticedAt >= count && alarm.direction === 'down', JSON.stringify(alarm));
  assert.throws(() => fitDrift(new Float64Array(7)), codeIs('inspect/few'));
});

test.run();
