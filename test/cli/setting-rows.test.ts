// settingRows() tells what decides the weights of a run, and nothing that it leaves at nothing.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { RunSettings } from '../../src/cli/run-files.ts';
import { settingRows } from '../../src/cli/setting-rows.ts';
import { fitDefaults } from '../../src/training/index.ts';

const usual: RunSettings = {
  ...fitDefaults,
  ...{ model: 'dropout', epochs: 2, seed: 7, augmentation: false, exactConvolution: false },
  ...{ examples: 130, validationExamples: 32, splitSeed: 2023, data: [], kernels: '', initialWeights: '' },
};
const rowsOf = (changes: Partial<RunSettings> = {}): Readonly<Record<string, string>> =>
  Object.fromEntries(settingRows({ settings: { ...usual, ...changes } }).map(({ name, value }) => [name, value]));
/** The rows that others have not, or that are others. */
function rowsBy(changes: Partial<RunSettings>): Readonly<Record<string, string>> {
  const plain = rowsOf();
  return Object.fromEntries(Object.entries(rowsOf(changes)).filter(([name, value]) => plain[name] !== value));
}

test('settingRows() of a usual run has its regime, its seed and how its weights are drawn', () => {
  const rows = rowsOf();
  assert.match(rows['Initial weights']!, /^He normal in the first convolution/);
  assert.equal([rows.Seed, rows.Epochs, rows['Training examples'], rows.Augmentation], ['7', '2', '130', 'none']);
  for (const name of ['Frozen layers', 'Preprocessing', 'Resampling', 'Mixing']) assert.not(name in rows, name);
});

test('settingRows() names the model whose weights a run starts from, its frozen layers and its preprocessing', () => {
  const from = { model: 'best', weights: 'abc123' };
  assert.equal(rowsBy({ from }), { 'Initial weights': 'those of best, sha256 abc123' });
  assert.equal(rowsBy({ from, frozen: ['conv2d_1', 'conv2d_2'], preprocessing: 'clahe' }), {
    'Initial weights': 'those of best, sha256 abc123',
    'Frozen layers': 'conv2d_1, conv2d_2',
    Preprocessing: 'clahe',
  });
  const network = { family: 'plain', stem: 4, widths: [4], depth: 1 } as const;
  assert.not('Initial weights' in rowsOf({ network }));
  assert.is(rowsOf({ network, from })['Initial weights'], 'those of best, sha256 abc123');
});

test('settingRows() tells of both remedies for uneven classes', () => {
  assert.equal(rowsBy({ resampling: 'oversample', logitAdjustment: 0.5 }), {
    Loss: `${rowsOf().Loss}, logits adjusted by the shares of classes, tau 0.5`,
    Resampling: 'each class drawn as often as the largest',
  });
  assert.equal(rowsBy({ resampling: 'undersample' }), { Resampling: 'each class drawn as often as the smallest' });
});

test.run();
