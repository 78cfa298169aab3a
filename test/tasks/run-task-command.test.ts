// The `task` command as a process of its own: streams, exit codes, Ctrl-C; and how its arguments are read.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseTaskArguments } from '../../src/tasks/index.ts';
import { withScratch } from './scratch.ts';

const DRIVER = fileURLToPath(new URL('driver.ts', import.meta.url));
const TSX = import.meta.resolve('tsx');

/** Runs the driver; `onStdout` is called with all of the output so far. */
async function drive(
  folder: string,
  args: readonly string[],
  onStdout: (text: string, interrupt: () => void) => void = () => {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ['--import', TSX, DRIVER, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, INIT_CWD: undefined, DENO_JOBS: undefined },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
    onStdout(stdout, () => child.kill('SIGINT'));
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

test('runTaskCommand() lets programs, the shell and commands of ours share its own streams', async () => {
  const tasks = { all: "echo one && sh -c 'echo two; echo error >&2' && ours three && exit 7" };
  await withScratch({ 'deno.json': JSON.stringify({ tasks }) }, async ({ folder }) => {
    assert.equal(await drive(folder, ['all']), {
      code: 7,
      stdout: 'one\ntwo\nours three true\n',
      stderr: `Task all ${tasks.all}\nerror\n`,
    });
  });
});

test('runTaskCommand() prefixes lines of tasks that overlap, commands of ours too', async () => {
  const tasks = { a: 'ours 1', bb: 'sleep 0.2 && echo 2', all: { dependencies: ['a', 'bb'] } };
  await withScratch({ 'deno.json': JSON.stringify({ tasks }) }, async ({ folder }) => {
    const { code, stdout } = await drive(folder, ['-j2', 'all']);
    assert.is(code, 0);
    assert.is(stdout, ' [a] ours 1 false\n[bb] 2\n');
  });
});

test('runTaskCommand() with --json prints one JSON document, and what tasks print goes to standard error', async () => {
  const tasks = { a: { command: 'echo hello', files: ['deno.json'] } };
  await withScratch({ 'deno.json': JSON.stringify({ tasks }) }, async ({ folder }) => {
    const { code, stdout, stderr } = await drive(folder, ['--json', 'a']);
    assert.is(code, 0);
    assert.match(stderr, 'hello\n');
    const { tasks: results } = JSON.parse(stdout);
    assert.is(results[0].outcome, 'ran');
    const second = await drive(folder, ['--json', 'a']);
    assert.is(JSON.parse(second.stdout).tasks[0].outcome, 'cached');
    assert.match(second.stderr, 'Nothing to do: 1 task up to date\n');
    assert.is(JSON.parse((await drive(folder, ['--json'])).stdout)[0].command, 'echo hello');
  });
});

test('runTaskCommand() ends on Ctrl-C once what runs has ended', async () => {
  const tasks = { wait: 'ours wait && echo after', next: { command: 'echo next', dependencies: ['wait'] } };
  await withScratch({ 'deno.json': JSON.stringify({ tasks }) }, async ({ folder }) => {
    let sent = false;
    const { code, stdout } = await drive(folder, ['next'], (text, interrupt) => {
      if (!sent && text.includes('waiting')) interrupt();
      sent ||= text.includes('waiting');
    });
    assert.is(code, 130);
    assert.is(stdout, 'waiting\nstopped\n');
  });
});

test('parseTaskArguments() leaves what stands after the name to the task', () => {
  const none = { args: [], prefix: true, ifPresent: false, json: false };
  assert.equal(parseTaskArguments([]), none);
  assert.equal(parseTaskArguments(['a', '--json', '-j', '0', '--']), {
    ...none,
    name: 'a',
    args: ['--json', '-j', '0', '--'],
  });
  const all = ['--json', '--no-prefix', '--if-present', '-j', '3', '--cwd=x', '-c', 'y', 'a'];
  const read = { json: true, prefix: false, ifPresent: true, jobs: 3, cwd: 'x', config: 'y', name: 'a', args: [] };
  assert.equal(parseTaskArguments(all), read);
  assert.is(parseTaskArguments(['-j4']).jobs, 4);
});

for (const [argv, message] of [
  [['-j', '0'], 'Cannot read option "-j": expected a positive integer, got "0"'],
  [['--jobs=x'], 'Cannot read option "--jobs": expected a positive integer, got "x"'],
  [['--cwd'], 'Cannot read option "--cwd": expected a value, got none'],
  [
    ['--jsn'],
    'Cannot read option "--jsn": expected one of -c, --config, --cwd, -j, --jobs, --no-prefix, --if-present, --json',
  ],
] as const) {
  test(`parseTaskArguments() rejects ${argv.join(' ')}`, () => {
    assert.throws(
      () => parseTaskArguments(argv),
      (error: Error) => error.message === message,
    );
  });
}

test.run();
