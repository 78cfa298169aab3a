// From the options of train to the settings of an optimiser.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseArguments } from '../../src/cli/arguments.ts';
import { optimizerOptions, readOptimizer, readSchedule } from '../../src/cli/optimizer-options.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import { type OptimizerConfig, optimizerDefaults, type Schedule, scheduleDefaults } from '../../src/training/index.ts';

const { adam, adamw, sgd } = optimizerDefaults;
const read = (...words: string[]): OptimizerConfig =>
  readOptimizer(parseArguments({ name: 'train', args: optimizerOptions }, words));

test('readOptimizer() gives each optimiser its defaults, and Adam where none is named', () => {
  assert.equal(read(), adam);
  for (const config of [adam, adamw, sgd]) assert.equal(read('--optimizer', config.name), config);
});

test('readOptimizer() takes the settings of the optimiser that is named', () => {
  assert.equal(read('--learning-rate', '0.01'), { ...adam, learningRate: 0.01 });
  assert.equal(read('--optimizer=adamw', '--weight-decay=0.05', '--learning-rate=3e-4'), {
    ...adamw,
    learningRate: 3e-4,
    weightDecay: 0.05,
  });
  assert.equal(read('--optimizer', 'adamw', '--weight-decay', '0'), { ...adamw, weightDecay: 0 });
  assert.equal(read('--nesterov', '--momentum', '0.9', '--optimizer', 'sgd'), {
    ...sgd,
    momentum: 0.9,
    nesterov: true,
  });
  assert.equal(read('--optimizer', 'sgd', '--weight-decay', '5e-4'), { ...sgd, weightDecay: 5e-4 });
  assert.equal(read('--no-nesterov'), adam);
});

test('readOptimizer() refuses an option of another optimiser, and what is out of range', () => {
  const refused: [string, RegExp][] = [
    ['--momentum 0.9', /^Option "--momentum" does not go with --optimizer adam: it is of --optimizer sgd$/],
    ['--nesterov', /"--nesterov" does not go with --optimizer adam/],
    ['--weight-decay 0.1', /"--weight-decay" does not go with --optimizer adam: it is of --optimizer adamw, sgd$/],
    ['--optimizer adamw --momentum 0.9', /"--momentum" does not go with --optimizer adamw/],
    ['--optimizer sgd --nesterov', /"--nesterov" needs a momentum: expected --momentum above 0/],
    ['--optimizer sgd --momentum 1', /"--momentum" got "1": expected a number from 0 up to, not including, 1$/],
    ['--optimizer adamw --weight-decay -1', /"--weight-decay" got "-1": expected a number 0 or more$/],
    ['--learning-rate 0', /"--learning-rate" got "0": expected a number above 0$/],
    ['--optimizer rmsprop', /"--optimizer" got "rmsprop": expected one of adam, adamw, sgd$/],
  ];
  for (const [words, message] of refused) {
    assert.throws(
      () => read(...words.split(' ')),
      (error: Error) => error instanceof SelvedgeError && error.code === 'cli/usage' && message.test(error.message),
      words,
    );
  }
});

test('readSchedule() gives each schedule its defaults, takes another warm-up, and refuses what is no share', () => {
  const schedule = (...words: string[]): Schedule =>
    readSchedule(parseArguments({ name: 'train', args: optimizerOptions }, words));
  assert.equal(schedule(), scheduleDefaults.constant);
  assert.equal(schedule('--schedule', 'cosine'), scheduleDefaults.cosine);
  assert.equal(schedule('--schedule=linear', '--warm-up=0.3'), { ...scheduleDefaults.linear, warmUp: 0.3 });
  assert.throws(
    () => schedule('--warm-up', '1'),
    /"--warm-up" got "1": expected a number from 0 up to, not including, 1$/,
  );
  assert.throws(
    () => schedule('--schedule', 'cyclic'),
    /"--schedule" got "cyclic": expected one of constant, linear, cosine, steps$/,
  );
});

test.run();
