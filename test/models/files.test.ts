// Saved models: a round trip, the same model in stock tfjs, and broken files, which end in typed errors.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import { buildModel, initializeWeights, loadModel, saveModel } from '../../src/models/index.ts';

let engine: RunningBackend;
let folder: string;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());
test.before.each(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-model-'));
});
test.after.each(() => rmSync(folder, { recursive: true }));

const file = (name: string): string => path.join(folder, name);

function seededModel(): tf.LayersModel {
  const model = buildModel('dropout', { inputShape: [28, 28, 1], classes: 10 });
  initializeWeights(model, 4);
  return model;
}

/** For three images of a ramp, as the child predicts. */
const predictionsOf = (model: tf.LayersModel): number[] =>
  tf.tidy(() => {
    const images = tf.linspace(0, 1, 3 * 28 * 28).reshape([3, 28, 28, 1]);
    return [...(model.predict(images) as tf.Tensor).dataSync()];
  });

/** Layers and settings; a setting that is absent is null or undefined. */
const describe = (model: tf.LayersModel): string =>
  JSON.stringify(
    model.layers.map((layer) => [layer.getClassName(), layer.getConfig()]),
    (_, value) => value ?? undefined,
  );

const refusal = async (): Promise<string> => {
  const before = tf.memory().numTensors;
  try {
    await loadModel(folder);
  } catch (error) {
    assert.instance(error, SelvedgeError);
    assert.is(tf.memory().numTensors, before, 'leak');
    return `${(error as SelvedgeError).code}: ${(error as SelvedgeError).message}`;
  }
  return 'no error';
};

test('loadModel() gives back what saveModel() wrote: weights to the bit, layers, and the metadata', async () => {
  const model = seededModel();
  const metadata = { classNames: ['Trouser', 'Änkle'], accuracy: 0.9258 };
  await saveModel(model, path.join(folder, 'new', 'model'), metadata);
  folder = path.join(folder, 'new', 'model');
  assert.equal(readdirSync(folder), ['model.json', 'weights.bin']);
  assert.is(readFileSync(file('weights.bin')).length, 241_546 * 4);
  const loaded = await loadModel(folder);
  assert.equal(loaded.metadata, metadata);
  assert.is(describe(loaded.model), describe(model));
  loaded.model.getWeights().forEach((weight, i) => {
    assert.equal(weight.dataSync(), model.getWeights()[i]!.dataSync());
  });
  assert.equal(predictionsOf(loaded.model), predictionsOf(model));
  loaded.model.dispose();
  model.dispose();
  folder = path.dirname(path.dirname(folder));
});

test('saveModel() writes the same bytes for the same model, also over another', async () => {
  const model = seededModel();
  await saveModel(model, folder, { note: 1 });
  const first = ['model.json', 'weights.bin'].map((name) => readFileSync(file(name), 'latin1'));
  initializeWeights(model, 9);
  await saveModel(model, folder);
  assert.is.not(readFileSync(file('weights.bin'), 'latin1'), first[1]);
  initializeWeights(model, 4);
  await saveModel(model, folder, { note: 1 });
  assert.equal(
    ['model.json', 'weights.bin'].map((name) => readFileSync(file(name), 'latin1')),
    first,
  );
  model.dispose();
});

test('stock tfjs alone loads a saved model and predicts the same', async () => {
  const model = seededModel();
  await saveModel(model, folder, { seed: 4 });
  const script = fileURLToPath(new URL('./stock-tfjs-child.ts', import.meta.url));
  const child = spawnSync(process.execPath, ['--import', 'tsx', script, folder], { encoding: 'utf8' });
  assert.is(child.status, 0, child.stderr);
  const { predictions, metadata } = JSON.parse(child.stdout.slice(child.stdout.indexOf('{"predictions"'))) as {
    predictions: number[];
    metadata: object;
  };
  assert.equal(metadata, { seed: 4 });
  const ours = predictionsOf(model);
  assert.is(predictions.length, 30);
  predictions.forEach((value, i) => {
    assert.ok(Math.abs(value - ours[i]!) < 1e-5, `prediction ${i}: ${value} and ${ours[i]}`);
  });
  model.dispose();
});

test('loadModel() takes a model that stock tfjs saved: no digest, weights in two files', async () => {
  const model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [3], units: 2 })] });
  await model.save(
    tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData }) => {
      const bytes = new Uint8Array(tf.io.CompositeArrayBuffer.join(weightData!));
      writeFileSync(file('group1-shard1of2.bin'), bytes.subarray(0, 10));
      writeFileSync(file('group1-shard2of2.bin'), bytes.subarray(10));
      const paths = ['group1-shard1of2.bin', 'group1-shard2of2.bin'];
      writeFileSync(
        file('model.json'),
        JSON.stringify({ modelTopology, weightsManifest: [{ paths, weights: weightSpecs }] }),
      );
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  const loaded = await loadModel(folder);
  assert.equal(loaded.metadata, {});
  loaded.model.getWeights().forEach((weight, i) => {
    assert.equal(weight.dataSync(), model.getWeights()[i]!.dataSync());
  });
  loaded.model.dispose();
  model.dispose();
});

test('loadModel() says that a folder without model.json, or no folder, holds no model', async () => {
  assert.match(
    await refusal(),
    /^models\/not-found: Cannot load a model from ".*": it holds no model.json; train one first$/,
  );
  folder = file('absent');
  assert.match(await refusal(), /^models\/not-found/);
  folder = path.dirname(folder);
});

test('loadModel() refuses weights that are cut, too long, gone, or changed in one bit', async () => {
  const model = seededModel();
  await saveModel(model, folder);
  model.dispose();
  const whole = readFileSync(file('weights.bin'));
  for (const length of [0, 1, whole.length - 4, whole.length - 1]) {
    truncateSync(file('weights.bin'), length);
    assert.match(
      await refusal(),
      new RegExp(`^models/format: .*expected 966184 bytes of weights in weights.bin, got ${length}$`),
    );
    writeFileSync(file('weights.bin'), whole);
  }
  writeFileSync(file('weights.bin'), Buffer.concat([whole, whole.subarray(0, 4)]));
  assert.match(await refusal(), /^models\/format: .*expected 966184 bytes of weights in weights.bin, got 966188$/);
  const changed = Buffer.from(whole);
  changed[500_000]! ^= 4;
  writeFileSync(file('weights.bin'), changed);
  assert.match(
    await refusal(),
    /^models\/format: .*expected weights of sha256 [0-9a-f]{64} in weights.bin, got [0-9a-f]{64}$/,
  );
  rmSync(file('weights.bin'));
  assert.match(await refusal(), /^models\/format: .*weights.bin/);
});

test('loadModel() refuses a model.json that is cut anywhere, empty, or of something else', async () => {
  const model = seededModel();
  await saveModel(model, folder);
  model.dispose();
  const whole = readFileSync(file('model.json'), 'utf8');
  const cuts = Array.from({ length: 12 }, (_, i) => whole.slice(0, Math.floor((whole.length * i) / 12)));
  const others = [
    '{}',
    '[]',
    'null',
    '{"modelTopology": {}, "weightsManifest": []}',
    whole.replace('"Conv2D"', '"Conv9D"'),
  ];
  for (const text of [...cuts, ...others]) {
    writeFileSync(file('model.json'), text);
    const said = await refusal();
    assert.match(said, /^models\/format: Cannot load the model in ".*": /, text.slice(0, 60));
    assert.not.match(said, 'Cannot read properties', text.slice(0, 60));
  }
});

/** Weights of the folder as tfjs's converter quantises them. */
function quantise(dtype: 'uint8' | 'uint16' | 'float16'): void {
  const json = JSON.parse(readFileSync(file('model.json'), 'utf8'));
  const all = new Float32Array(Uint8Array.from(readFileSync(file('weights.bin'))).buffer);
  let at = 0;
  const parts: Uint8Array[] = [];
  for (const spec of json.weightsManifest[0].weights as { shape: number[]; quantization?: object }[]) {
    const values = all.subarray(at, at + spec.shape.reduce((product, extent) => product * extent, 1));
    at += values.length;
    if (dtype === 'float16') {
      // Signs and powers of two, 0.5 and -0.25: what is read is known to the bit.
      spec.quantization = { dtype };
      parts.push(new Uint8Array(Uint16Array.from(values, (value) => (value < 0 ? 0xb400 : 0x3800)).buffer));
      continue;
    }
    const levels = dtype === 'uint8' ? 255 : 65_535;
    const [min, max] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
    const scale = max > min ? (max - min) / levels : 1;
    spec.quantization = { dtype, min, scale };
    const stored = Array.from(values, (value) => Math.round((value - min) / scale));
    parts.push(dtype === 'uint8' ? Uint8Array.from(stored) : new Uint8Array(Uint16Array.from(stored).buffer));
  }
  delete json.weightsSha256;
  writeFileSync(file('model.json'), JSON.stringify(json));
  writeFileSync(file('weights.bin'), Buffer.concat(parts));
}

for (const dtype of ['uint8', 'uint16', 'float16'] as const) {
  test(`loadModel() reads weights that tfjs's converter has quantised to ${dtype} as stock tfjs does`, async () => {
    const model = seededModel();
    await saveModel(model, folder);
    quantise(dtype);
    const { model: loaded } = await loadModel(folder);
    const { modelTopology, weightsManifest } = JSON.parse(readFileSync(file('model.json'), 'utf8'));
    const weightData = Uint8Array.from(readFileSync(file('weights.bin'))).buffer;
    const stock = await tf.loadLayersModel(
      tf.io.fromMemory({ modelTopology, weightSpecs: weightsManifest[0].weights, weightData }),
    );
    loaded.getWeights().forEach((weight, i) => {
      assert.equal(weight.dataSync(), stock.getWeights()[i]!.dataSync());
    });
    const largest = Math.max(...model.getWeights()[0]!.sub(loaded.getWeights()[0]!).abs().dataSync());
    assert.ok(largest < (dtype === 'uint8' ? 0.01 : dtype === 'uint16' ? 1e-4 : 2), `${largest}`);
    truncateSync(file('weights.bin'), weightData.byteLength - 1);
    assert.match(await refusal(), /^models\/format: .*bytes of weights in weights.bin/);
    for (const one of [model, loaded, stock]) one.dispose();
  });
}

test.run();
