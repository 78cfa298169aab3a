// differences() names the settings in which a run differs from the one in its folder, with both values.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { differences } from '../../src/cli/earlier-run.ts';
import type { RunSettings } from '../../src/cli/run-files.ts';
import { fitDefaults, identityOf, scheduleDefaults } from '../../src/training/index.ts';

const usual: RunSettings = {
  ...fitDefaults,
  ...{ model: 'dropout', epochs: 10, seed: 1, augmentation: true, exactConvolution: false },
  ...{ resampling: 'oversample', logitAdjustment: 0.5 },
  ...{ examples: 130, validationExamples: 32, splitSeed: 2023, data: ['a'], kernels: 'k', initialWeights: 'w' },
};
const { resampling: _, logitAdjustment: __, ...bare } = usual;

test('differences() has both values of what differs, and none for what is not set', () => {
  const differ = (now: RunSettings): string => differences(identityOf(usual), now);
  assert.is(differ(usual), '');
  assert.is(differ({ ...usual, resampling: 'undersample' }), 'resampling "oversample", not "undersample"');
  assert.equal(
    differ({ ...bare, focalGamma: 2 })
      .split('; ')
      .sort(),
    ['focalGamma none, not 2', 'logitAdjustment 0.5, not none', 'resampling "oversample", not none'],
  );
  assert.is(differ({ ...usual, seed: 2, augmentation: false }), 'seed 1, not 2; augmentation true, not false');
});

test('differences() says of data and kernels that they are others, without their digests', () => {
  assert.is(differences(identityOf(usual), { ...usual, data: ['b'], kernels: 'l' }), 'other data; other kernels');
});

test('differences() leaves out epochs, where the schedule does not depend on them, and initial weights that are not known', () => {
  assert.is(differences(identityOf(usual), { ...usual, epochs: 20 }), '');
  const cosine = { ...usual, schedule: scheduleDefaults.cosine };
  assert.is(differences(identityOf(cosine), { ...cosine, epochs: 20 }), 'epochs 10, not 20');
  const { initialWeights: ___, ...unknown } = usual;
  assert.is(differences(identityOf(usual), unknown), '');
  const others: RunSettings = { ...usual, initialWeights: 'x' };
  assert.is(differences(identityOf(usual), others), 'initialWeights "w", not "x"');
});

test.run();
