// ONNX files of PyTorch's own exporter, at several opsets, with an open batch and a fixed one: what the model that is read from them computes
// is what PyTorch did. Where no python has torch (`apt-get install python3-torch`), a line says so.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { loadModel } from '../../../src/models/index.ts';
import { createPredictor } from '../../../src/plan/index.ts';
import { channelsLast, pythonWith } from '../../plan/onnx/peers.ts';

const test = suite('ONNX of PyTorch');
const python = pythonWith('torch');
const script = fileURLToPath(new URL('./torch-peer.py', import.meta.url));
const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-torch-'));
let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 1 });
});
test.after(async () => {
  rmSync(folder, { recursive: true });
  await engine.stop();
});

const floats = (name: string): Float32Array =>
  new Float32Array(Uint8Array.from(readFileSync(path.join(folder, name))).buffer);

/** What PyTorch gave as probabilities, whatever it was. */
function probabilities(outputs: Float32Array, classes: number, name: string): Float32Array {
  if (name.startsWith('mobile')) return outputs;
  return tf.tidy(() =>
    tf
      .softmax(tf.tensor2d(outputs, [outputs.length / classes, classes]))
      .dataSync<'float32'>()
      .slice(),
  );
}

for (const opset of python ? [9, 11, 13, 16] : []) {
  test(`loadModel() computes what PyTorch does, opset ${opset}`, async () => {
    execFileSync(python!, [script, folder, `${opset}`], { stdio: ['ignore', 'ignore', 'inherit'] });
    const models = JSON.parse(readFileSync(path.join(folder, `models-${opset}.json`), 'utf8')) as Record<
      string,
      { shape: [number, number, number]; classes: number }
    >;
    assert.is(Object.keys(models).length, 12);
    for (const [name, { shape, classes }] of Object.entries(models)) {
      const { model, notices = [] } = await loadModel(path.join(folder, `${name}.onnx`));
      const [channels, height, width] = shape;
      const images = channelsLast(floats(`${name}-images.bin`), [2, height, width, channels]);
      const got = tf.tidy(() =>
        (model.predict(tf.tensor4d(images, [2, height, width, channels])) as tf.Tensor).dataSync().slice(),
      );
      const expected = probabilities(floats(`${name}-outputs.bin`), classes, name);
      const difference = Math.max(...expected.map((value, i) => Math.abs(value - got[i]!)));
      assert.ok(difference < 1e-5, `${name}: ${difference}`);
      assert.is(notices.length, name.startsWith('mobile') ? 0 : 1, name);
      assert.is(createPredictor(model).unplanned, undefined, name);
      model.dispose();
    }
  });
}

test.run();
