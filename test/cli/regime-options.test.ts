// From the options of train to the regime of a training.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseArguments } from '../../src/cli/arguments.ts';
import { type Regime, readRegime, regimeOptions } from '../../src/cli/regime-options.ts';
import { distillationOptions, teacherOption } from '../../src/cli/teacher.ts';
import { SelvedgeError } from '../../src/core/errors.ts';

const read = (...words: string[]): Regime =>
  readRegime(
    parseArguments({ name: 'train', args: { ...regimeOptions, ...teacherOption, ...distillationOptions } }, words),
  );

test('readRegime() adds nothing where nothing is asked for', () => {
  assert.equal(read(), {});
  assert.equal(read('--mixup', '0', '--cutmix=0'), {});
});

test('readRegime() takes the alphas of mixup and CutMix', () => {
  assert.equal(read('--mixup', '0.2'), { mixing: { mixupAlpha: 0.2, cutMixAlpha: 0, probability: 1 } });
  assert.equal(read('--mixup=0.2', '--cutmix=1'), { mixing: { mixupAlpha: 0.2, cutMixAlpha: 1, probability: 1 } });
});

test('readRegime() takes weights of classes, the gamma of focal loss, the tau of logit adjustment and a resampling', () => {
  assert.equal(read('--class-weights', 'balanced', '--focal=2'), { classWeights: 'balanced', focalGamma: 2 });
  assert.equal(read('--class-weights', '1,0.5,2'), { classWeights: [1, 0.5, 2] });
  assert.equal(read('--focal', '0'), {});
  assert.equal(read('--logit-adjustment', '1.5'), { logitAdjustment: 1.5 });
  assert.equal(read('--logit-adjustment=0'), {});
  assert.equal(read('--resample', 'undersample'), { resampling: 'undersample' });
  assert.equal(read('--clip-norm', '0.5'), { clipNorm: 0.5 });
  assert.equal(read('--teacher', 'mine'), { distillation: { temperature: 4, share: 0.9 } });
  assert.equal(read('--teacher', 'mine', '--temperature=2', '--teacher-share', '1'), {
    distillation: { temperature: 2, share: 1 },
  });
});

test('readRegime() refuses what makes no sense', () => {
  const refused: [string, RegExp][] = [
    ['--mixup=-1', /an alpha of mixup of -1: expected 0, or from 0\.001 to 1000$/],
    ['--mixup=NaN', /"--mixup" got "NaN": expected a number$/],
    ['--cutmix=one', /"--cutmix" got "one": expected a number$/],
    ['--class-weights=1,,2', /"--class-weights" got "": expected balanced, or numbers with commas between$/],
    ['--class-weights=uneven', /"--class-weights" got "uneven": expected balanced/],
    ['--class-weights=1,-2', /a class weight of -2: expected a number from 0$/],
    ['--class-weights=0,0', /class weights of 0: expected one of them above 0$/],
    ['--clip-norm=0', /"--clip-norm" got "0": expected a number above 0$/],
    ['--temperature=2', /"--temperature" needs a teacher: expected --teacher, too$/],
    ['--teacher=x --temperature=0', /a teacher at a temperature of 0: expected above 0/],
    ['--teacher=x --teacher-share=2', /a teacher's share of 2 in the loss: expected from 0 to 1$/],
    ['--focal=-1', /a focal loss of gamma -1: expected from 0 to 100$/],
    ['--logit-adjustment=101', /a logit adjustment of tau 101: expected from 0 to 100$/],
    ['--logit-adjustment=one', /"--logit-adjustment" got "one": expected a number$/],
    ['--resample=over', /"--resample" got "over": expected one of oversample, undersample$/],
    ['--cutmix=Infinity', /an alpha of CutMix of Infinity/],
  ];
  for (const [words, message] of refused) {
    assert.throws(
      () => read(...words.split(' ')),
      (error: Error) => error instanceof SelvedgeError && error.code === 'cli/usage' && message.test(error.message),
      words,
    );
  }
});

test.run();
