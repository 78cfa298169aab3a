import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Command, type CommandContext, command, runProgram } from '../../src/cli/command.ts';
import { commands as realCommands } from '../../src/cli/commands.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import { version } from '../../src/core/version.ts';

const answer = command({
  name: 'answer',
  description: 'Answer',
  args: { number: { type: 'string', valueHint: 'count', description: 'A number' } },
  run: async ({ number }) => ({ json: { number }, text: `The answer is ${number}`, exitCode: number === '13' ? 1 : 0 }),
});
const fail = command({
  name: 'fail',
  description: 'Fail',
  args: {},
  run: async () => {
    throw new SelvedgeError('test/failed', 'Cannot do it: expected more\nand a second line', {
      cause: new Error('beneath'),
    });
  },
});
const wait = command({ name: 'wait', description: 'Wait', args: {}, run: () => new Promise(() => {}) });
const tidy = command({
  name: 'tidy',
  description: 'End in good order',
  args: {},
  endsItself: true,
  run: async (_, { signal }) => {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    return { json: 'tidied', text: 'tidied', exitCode: 130 };
  },
});
// Help is in colour on a terminal.
process.env.NO_COLOR = '1';

const commands = [answer, fail, wait, tidy] as unknown as readonly Command<never>[];

async function run(words: readonly string[], stop = new AbortController(), known = commands) {
  let out = '';
  let err = '';
  const context: CommandContext = {
    cwd: '.',
    signal: stop.signal,
    write: (text) => {
      out += text;
    },
    writeError: (text) => {
      err += text;
    },
  };
  const code = await runProgram(words, known, context);
  return { code, out, err };
}

test('runProgram() writes text for people and JSON for programs', async () => {
  assert.equal(await run(['answer', '--number', '42']), { code: 0, out: 'The answer is 42\n', err: '' });
  const { code, out, err } = await run(['answer', '--number=42', '--json']);
  assert.equal([code, JSON.parse(out), err], [0, { number: '42' }, '']);
});

test('runProgram() passes on the exit code of a command', async () => {
  assert.is((await run(['answer', '--number', '13'])).code, 1);
});

test('runProgram() tells an error in one line and the stack with --verbose', async () => {
  const plain = await run(['fail']);
  assert.equal(plain, { code: 1, out: '', err: 'selvedge: Cannot do it: expected more [test/failed]\n' });
  const verbose = await run(['fail', '--verbose']);
  assert.match(verbose.err, /^selvedge: Cannot do it: expected more \[test\/failed\]\n/);
  assert.match(verbose.err, /command\.test\.ts:\d+/);
  assert.match(verbose.err, 'Caused by: Error: beneath');
});

test('runProgram() keeps standard output empty where --json fails', async () => {
  assert.is((await run(['fail', '--json'])).out, '');
});

test('runProgram() ends with code 2 where it was called wrongly', async () => {
  for (const words of [['nothing'], ['answer', '--nope'], ['answer', 'extra'], ['answer', '--number'], ['--nope']]) {
    const { code, out, err } = await run(words);
    assert.equal([code, out], [2, ''], words.join(' '));
    assert.match(err, /^selvedge: .* \[cli\/usage\]\n$/);
  }
  const none = await run([]);
  assert.equal([none.code, none.out], [2, '']);
  assert.match(none.err, 'Usage: selvedge COMMAND');
});

test('runProgram() explains all commands and each', async () => {
  for (const words of [['--help'], ['-h'], ['help']]) {
    const { code, out } = await run(words);
    assert.is(code, 0);
    for (const { name, description } of commands) assert.match(out, new RegExp(` ${name} +${description}`));
  }
  for (const words of [
    ['answer', '--help'],
    ['answer', '-h'],
    ['answer', '--json', '--help'],
  ]) {
    const { code, out, err } = await run(words);
    assert.equal([code, err], [0, '']);
    assert.match(out, '--number=<count>');
    assert.not.match(out, String.fromCharCode(27));
  }
});

test('runProgram() explains every command of the program', async () => {
  for (const { name, description, args } of realCommands) {
    const { code, out, err } = await run([name, '--help'], undefined, realCommands);
    assert.equal([code, err], [0, '']);
    assert.ok(out.startsWith(`${description} (selvedge ${name})`), out);
    for (const [option, { type }] of Object.entries(args as Record<string, { type?: string }>)) {
      assert.match(out, type === 'positional' ? option.toUpperCase() : `--${option}`);
    }
    for (const option of ['--json', '--verbose', '--help']) assert.match(out, option);
    assert.not.match(out, String.fromCharCode(27));
  }
});

test('runProgram() tells its version', async () => {
  assert.equal(await run(['--version']), { code: 0, out: `${version}\n`, err: '' });
});

test('runProgram() abandons a command on Ctrl-C', async () => {
  const stop = new AbortController();
  const running = run(['wait'], stop);
  stop.abort();
  assert.equal(await running, { code: 130, out: '', err: 'selvedge: Interrupted [cli/interrupted]\n' });
});

test('runProgram() lets a command end in good order that can', async () => {
  const stop = new AbortController();
  const running = run(['tidy'], stop);
  stop.abort();
  assert.equal(await running, { code: 130, out: 'tidied\n', err: '' });
});

test.run();
