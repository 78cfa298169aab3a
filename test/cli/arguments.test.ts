import type { ArgsDef } from 'citty';
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseArguments } from '../../src/cli/arguments.ts';
import { numberFromZero, positiveNumber, runFolder, wholeNumber } from '../../src/cli/options.ts';
import { SelvedgeError } from '../../src/core/errors.ts';

const args = {
  epochs: { type: 'string' },
  'batch-size': { type: 'string' },
  run: { type: 'string', default: 'default' },
  model: { type: 'enum', options: ['baseline', 'dropout'], default: 'dropout' },
  augment: { type: 'boolean' },
  help: { type: 'boolean', alias: 'h' },
} as const satisfies ArgsDef;
const rules = { name: 'train', args };
const image = { image: { type: 'positional', required: true } } as const satisfies ArgsDef;

const parse = (...words: string[]): Record<string, unknown> => parseArguments(rules, words);

const refuses = (read: () => unknown, expected: RegExp): void => {
  try {
    read();
  } catch (error) {
    assert.instance(error, SelvedgeError);
    assert.is((error as SelvedgeError).code, 'cli/usage');
    assert.match((error as SelvedgeError).message, expected);
    return;
  }
  assert.unreachable(`expected ${expected}`);
};

test('parseArguments() takes values after a space and after an equals sign', () => {
  assert.is(parse('--epochs', '3').epochs, '3');
  assert.is(parse('--epochs=3').epochs, '3');
  assert.is(parse('--batch-size=64')['batch-size'], '64');
  assert.is(parse('--run=a=b').run, 'a=b');
});

test('parseArguments() gives defaults', () => {
  assert.equal(
    [parse().run, parse().model, parse().epochs, parse().augment],
    ['default', 'dropout', undefined, undefined],
  );
});

test('parseArguments() lets the last word count', () => {
  assert.is(parse('--epochs', '3', '--epochs=5').epochs, '5');
  assert.is(parse('--augment', '--no-augment').augment, false);
  assert.is(parse('--no-augment', '--augment').augment, true);
  assert.is(parse('--augment=false').augment, false);
});

test('parseArguments() takes negative numbers as values', () => {
  assert.is(parse('--epochs', '-1').epochs, '-1');
  assert.is(parse('--epochs=-1').epochs, '-1');
});

test('parseArguments() refuses what it does not know', () => {
  refuses(() => parse('--epoch', '3'), /^Unknown option "--epoch": see selvedge train --help$/);
  refuses(() => parse('--Epochs', '3'), /Unknown option "--Epochs"/);
  refuses(() => parse('--batchSize', '3'), /Unknown option/);
  refuses(() => parse('-epochs', '3'), /Unknown option "-epochs"/);
  refuses(() => parse('--no-epochs'), /Unknown option "--no-epochs"/);
  refuses(() => parse('-x'), /Unknown option "-x"/);
  refuses(() => parse('--__proto__', '3'), /Unknown option/);
});

test('parseArguments() refuses an option without its value', () => {
  for (const words of [['--epochs'], ['--epochs='], ['--epochs', '--augment'], ['--epochs', '']]) {
    refuses(() => parse(...words), /^Option "--epochs" needs a value/);
  }
});

test('parseArguments() refuses values that an option does not take', () => {
  refuses(() => parse('--model', 'big'), /^Option "--model" got "big": expected one of baseline, dropout$/);
  refuses(() => parse('--augment=maybe'), /takes no value, got "maybe"/);
  refuses(() => parse('--no-augment=true'), /"--no-augment" takes no value/);
});

test('parseArguments() counts positional arguments', () => {
  refuses(() => parse('extra'), /^Too many arguments: got 1, expected 0/);
  const one = { name: 'predict', args: image };
  assert.is(parseArguments(one, ['a.png']).image, 'a.png');
  refuses(() => parseArguments(one, []), /^Missing IMAGE/);
  refuses(() => parseArguments(one, ['a', 'b']), /got 2, expected 1/);
  assert.equal(parseArguments({ ...one, takesList: true }, ['a', 'b', 'c'])._, ['a', 'b', 'c']);
});

test('parseArguments() reads no options behind two dashes', () => {
  const list = { name: 'predict', args: { ...image, ...args }, takesList: true };
  const parsed = parseArguments(list, ['--augment', '--', '--epochs', '-x']);
  assert.equal([parsed._, parsed.augment, parsed.epochs], [['--epochs', '-x'], true, undefined]);
});

test('parseArguments() misses nothing where help is wanted', () => {
  const list = { name: 'predict', args: { ...image, ...args } };
  assert.is(parseArguments(list, ['--help']).help, true);
  assert.is(parseArguments(list, ['-h']).help, true);
});

test('parseArguments() gives back any value', () => {
  const value = fc.string({ minLength: 1 });
  const check = fc.property(value, (text) => {
    assert.is(parse(`--run=${text}`).run, text);
    if (!text.startsWith('--')) assert.is(parse('--run', text).run, text);
  });
  fc.assert(check, { seed: 5, numRuns: 200 });
});

test('wholeNumber() takes digits within its range', () => {
  assert.is(wholeNumber('epochs', '50'), 50);
  assert.is(wholeNumber('epochs', undefined), undefined);
  assert.is(wholeNumber('seed', '0', 0), 0);
  for (const text of ['0', '-1', '1.5', '1e3', '0x10', ' 5', 'abc', '', 'Infinity', '99999999999999999999']) {
    refuses(() => wholeNumber('epochs', text), /^Option "--epochs" got ".*": expected a whole number from 1$/);
  }
  refuses(() => wholeNumber('threads', '65', 1, 64), /from 1 to 64$/);
});

test('positiveNumber() takes numbers above zero', () => {
  assert.is(positiveNumber('learning-rate', '1e-3'), 0.001);
  for (const text of ['0', '-1', 'abc', '', 'NaN', 'Infinity']) {
    refuses(() => positiveNumber('learning-rate', text), /expected a number above 0$/);
  }
});

test('numberFromZero() takes 0 and numbers above, up to a limit', () => {
  assert.equal([numberFromZero('weight-decay', '0'), numberFromZero('momentum', '0.9', 1)], [0, 0.9]);
  assert.is(numberFromZero('momentum', undefined), undefined);
  for (const text of ['-1', 'abc', '', ' 1', 'NaN', 'Infinity']) {
    refuses(
      () => numberFromZero('weight-decay', text),
      /^Option "--weight-decay" got ".*": expected a number 0 or more$/,
    );
  }
  refuses(() => numberFromZero('momentum', '1', 1), /from 0 up to, not including, 1$/);
});

test('runFolder() lets no name lead out of runs/', () => {
  const context = { cwd: '/project', signal: new AbortController().signal, write: () => {}, writeError: () => {} };
  assert.match(runFolder(context, 'a-1.b', 'dropout'), /runs[\\/]a-1\.b[\\/]dropout$/);
  for (const name of ['../x', 'a/b', '..', '.hidden', '', 'a b', 'C:\\x']) {
    refuses(() => runFolder(context, name), /expected letters, digits/);
  }
});

test.run();
