import { env } from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as tf from '../../src/backend/tfjs.ts';
import { providePlatform } from '../../src/backend/tfjs-platform.ts';

test('providePlatform() leaves the choice of tfjs alone, and helps where tfjs has none', async () => {
  const environment = env() as { platform: ReturnType<typeof env>['platform'] | undefined; platformName: string };
  const { platform, platformName } = environment;
  providePlatform();
  assert.is(environment.platform, platform);
  environment.platform = undefined;
  try {
    providePlatform();
    const chosen = environment.platform as unknown as NonNullable<typeof platform>;
    assert.is.not(chosen, platform);
    assert.ok(chosen.isTypedArray(new Uint8ClampedArray(1)) && chosen.isTypedArray(new Float32Array(1)));
    for (const other of [new Float64Array(1), new DataView(new ArrayBuffer(1)), [1], undefined]) {
      assert.not.ok(chosen.isTypedArray(other));
    }
    assert.is(chosen.decode(chosen.encode('Webkante ✂', 'utf-8'), 'utf-8'), 'Webkante ✂');
    assert.ok(Number.isFinite(chosen.now()));
    await tf.setBackend('cpu');
    assert.equal([...tf.tidy(() => tf.add(tf.tensor([1, 2]), 1).dataSync())], [2, 3]);
    assert.equal(
      tf.tidy(() => tf.tensor(['a', 'b']).arraySync()),
      ['a', 'b'],
    );
  } finally {
    Object.assign(environment, { platform, platformName });
  }
});

test.run();
