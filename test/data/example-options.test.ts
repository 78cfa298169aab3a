// exampleOptionsOf() has an option for what is set, by the one seed, and none for the rest.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultAugmentation } from '../../src/data/augmentation.ts';
import { exampleOptionsOf } from '../../src/data/example-options.ts';

test('exampleOptionsOf() has nothing for examples as they are', () => {
  assert.equal(exampleOptionsOf({ seed: 7 }), {});
  assert.equal(exampleOptionsOf({ seed: 7, augmentation: false, resampling: undefined }), {});
});

test('exampleOptionsOf() gives counts for names, the default augmentation for true, and its seed to both', () => {
  const still = { ...defaultAugmentation, flip: { probability: 0 } };
  assert.equal(exampleOptionsOf({ seed: 7, resampling: 'oversample', augmentation: true }), {
    resampling: { counts: 'largest', seed: 7 },
    augmentation: { seed: 7, settings: defaultAugmentation },
  });
  assert.equal(exampleOptionsOf({ seed: 0, resampling: 'undersample' }), {
    resampling: { counts: 'smallest', seed: 0 },
  });
  assert.equal(exampleOptionsOf({ seed: 3, augmentation: still }), { augmentation: { seed: 3, settings: still } });
});

test.run();
