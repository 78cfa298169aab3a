import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { platform } from '../../src/platform/index.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-programs-'));
test.after(() => rmSync(folder, { recursive: true }));

/** A TypeScript program in a file of its own. */
function programOf(name: string, code: string): { command: string; args: readonly string[] } {
  const file = path.join(folder, `${name}.mts`);
  writeFileSync(file, code);
  return platform.scriptCommand(pathToFileURL(file));
}

test('startProgram() talks to a TypeScript program line by line', async () => {
  const echo = programOf('echo', "process.stdin.on('data', (text: Buffer) => process.stdout.write('got ' + text));");
  const program = platform.startProgram(echo.command, echo.args);
  program.send('one');
  assert.is(await program.nextLine(), 'got one');
  program.send('two');
  assert.is(await program.nextLine(), 'got two');
  const { code, stdout } = await program.stop();
  assert.equal([code, stdout], [0, 'got one\ngot two\n']);
  assert.is(await program.nextLine(), undefined);
});

test('startProgram() answers for a program that cannot be started', async () => {
  const program = platform.startProgram(path.join(folder, 'absent'), []);
  program.send('nobody reads this');
  assert.is(await program.nextLine(), undefined);
  assert.is((await program.stop()).code, 127);
});

test('startProgram() kills what does not end when its input does', async () => {
  const deaf = programOf('deaf', "process.stdout.write('here\\n'); setInterval(() => {}, 1000);");
  const program = platform.startProgram(deaf.command, deaf.args);
  assert.is(await program.nextLine(), 'here');
  assert.is.not((await program.stop()).code, 0);
});

test('startProgram() changes the environment, and only where it is told to', async () => {
  process.env.SELVEDGE_TEST_TAKEN = 'taken';
  process.env.SELVEDGE_TEST_KEPT = 'kept';
  const show = programOf(
    'show',
    'const { SELVEDGE_TEST_TAKEN: a, SELVEDGE_TEST_KEPT: b, SELVEDGE_TEST_NEW: c } = process.env; console.log(a, b, c);',
  );
  const environment = { SELVEDGE_TEST_TAKEN: undefined, SELVEDGE_TEST_NEW: 'new' };
  const program = platform.startProgram(show.command, show.args, { environment });
  assert.is(await program.nextLine(), 'undefined kept new');
  await program.stop();
});

test('inputLines() ends with the input', async () => {
  const place = new URL('../../src/platform/index.ts', import.meta.url).href;
  const reader = programOf(
    'reader',
    `import { platform } from '${place}';
    for await (const line of platform.inputLines()) platform.terminal.write(line.toUpperCase() + '\\n');`,
  );
  const program = platform.startProgram(reader.command, reader.args);
  program.send('quiet');
  assert.is(await program.nextLine(), 'QUIET');
  assert.is((await program.stop()).code, 0);
});

test('processorTime() and peakMemoryBytes() only grow', () => {
  const before = platform.processorTime();
  const peak = platform.peakMemoryBytes();
  const block = new Uint8Array(64 << 20).fill(1);
  const after = platform.processorTime();
  assert.ok(after.ownMs > before.ownMs);
  assert.ok((after.machine?.busyMs ?? 0) >= (before.machine?.busyMs ?? 0));
  assert.ok(platform.peakMemoryBytes() >= peak && platform.peakMemoryBytes() >= block.length);
});

test.run();
