// What waits together is classified together, to the bits of each call by itself, and no error is another's.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { platform } from '../../src/platform/index.ts';
import { batchedClassifier } from '../../src/serve/batched-classifier.ts';
import { classifier, sampleImages } from './served.ts';

/** The shipped model, and how many images its calls had. */
function counted(): { calls: number[]; model: typeof classifier.model; classify: typeof classifier.classify } {
  const calls: number[] = [];
  const classify: typeof classifier.classify = (images) => {
    calls.push(images.length / 784);
    return classifier.classify(images);
  };
  return { calls, model: classifier.model, classify };
}

test('batchedClassifier() gives each caller the bits of a call of its own, whatever waits beside it', async () => {
  const inner = counted();
  const { classify } = batchedClassifier(inner, platform);
  for (const sizes of [[1], [1, 1], [3, 1, 5], [1, 64, 2], [0, 1], [100, 7, 1, 1], new Array(40).fill(1)]) {
    let from = 0;
    const groups = sizes.map((size: number) => {
      from = (from + size) % 100;
      return sampleImages(size, Math.min(from, 100 - size));
    });
    const answers = await Promise.all(groups.map((images) => classify(images)));
    for (const [i, images] of groups.entries()) assert.equal(answers[i], classifier.classify(images));
  }
  assert.equal(inner.calls, [1, 2, 9, 1, 64, 2, 1, 100, 9, 40]);
});

test('batchedClassifier() takes what comes while it answers', async () => {
  const inner = counted();
  const { classify } = batchedClassifier(inner, platform);
  const first = Promise.resolve(classify(sampleImages(1))).then(() => classify(sampleImages(1, 1)));
  assert.equal(await first, classifier.classify(sampleImages(1, 1)));
  assert.equal(inner.calls, [1, 1]);
});

test('batchedClassifier() refuses an image of one level to its caller alone, by its place among that one’s own', async () => {
  const { classify } = batchedClassifier(classifier, platform);
  const bad = sampleImages(3);
  bad.fill(9, 784, 1568);
  const [good, refused] = await Promise.allSettled([classify(sampleImages(5)), classify(bad)]);
  assert.equal(good.status === 'fulfilled' && good.value, classifier.classify(sampleImages(5)));
  assert.is(refused.status === 'rejected' && refused.reason.code, 'image/blank');
  assert.match(refused.status === 'rejected' && refused.reason.message, 'image 1:');
});

test('batchedClassifier() asks for each caller by itself where a call for all fails', async () => {
  const inner = counted();
  const bad = sampleImages(1, 7);
  const { classify } = batchedClassifier(
    {
      model: inner.model,
      classify: (images) => {
        if (images.length > 784 || images[400] === bad[400]) throw new Error('trapped');
        return inner.classify(images);
      },
    },
    platform,
  );
  const answers = await Promise.allSettled([classify(sampleImages(1)), classify(bad)]);
  assert.equal(
    answers.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  );
});

test.run();
