// Measures of other images than Fashion-MNIST's: in colour, channel by channel. Not here: what they find (measure.test.ts).
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { measureRobustness } from '../../src/cli/measures/robustness.ts';
import type { Subject } from '../../src/cli/measures/subject.ts';
import { corruptImages, corruptionNames } from '../../src/data/corruptions.ts';

test('measureRobustness() corrupts each channel of each image as a grey image', async () => {
  const [count, width, height, channels] = [3, 6, 5, 3];
  const images = Uint8Array.from({ length: count * width * height * channels }, (_, i) => 40 + ((i * 37) % 180));
  const set = {
    name: 'colour',
    count,
    width,
    height,
    channels,
    images,
    labels: new Uint8Array(count),
    classNames: ['a', 'b'],
  };
  const seen: Uint8Array[] = [];
  const probabilitiesOfImages = async (some: Uint8Array): Promise<Float32Array> => {
    seen.push(some.slice());
    return Float32Array.from({ length: 2 * count }, (_, i) => 1 - (i % 2));
  };
  const subject = {
    data: { test: set },
    model: async () => ({ probabilitiesOfImages }),
    context: { writeError: () => {} },
  } as unknown as Subject;
  await measureRobustness(subject);
  assert.is(seen.length, 1 + 5 * corruptionNames.length);
  const planeOf = (of: Uint8Array, channel: number): Uint8Array => of.filter((_, i) => i % channels === channel);
  for (const [i, corrupted] of seen.slice(1).entries()) {
    const kind = corruptionNames[Math.floor(i / 5)]!;
    for (let channel = 0; channel < channels; channel++) {
      const options = { kind, strength: 1 + (i % 5), seed: 1, width, height };
      assert.equal(planeOf(corrupted, channel), corruptImages(planeOf(images, channel), options), kind);
    }
  }
});

test.run();
