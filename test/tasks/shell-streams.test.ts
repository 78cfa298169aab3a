// What goes through the shell of tasks, as a process of its own: the input it was started with, bytes of every value, outputs larger than any
// pipe, and Ctrl-C. Not here: what commands print (shell.test.ts).
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Scratch, withScratch } from './scratch.ts';

const DRIVER = fileURLToPath(new URL('driver.ts', import.meta.url));
const TSX = import.meta.resolve('tsx');
const TIMEOUT_MS = 60_000;

const EVERY_BYTE = Uint8Array.from({ length: 1024 }, (_, at) => at & 255);
const MEGABYTE = Buffer.alloc(
  1 << 20,
  Uint8Array.from({ length: 251 }, (_, at) => (at * 7) & 255),
);
const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; stdout: Buffer; stderr: string }>;
}

/** Starts a line as a task. What does not end in time is killed, and has no code. */
function start(folder: string, line: string): Running {
  writeFileSync(path.join(folder, 'deno.json'), JSON.stringify({ tasks: { line } }));
  const child = spawn(process.execPath, ['--import', TSX, DRIVER, 'line'], {
    cwd: folder,
    stdio: 'pipe',
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  const out: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (bytes) => out.push(bytes));
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  // A line that does not read its input ends before it was written.
  child.stdin.on('error', () => {});
  return { child, ended: once(child, 'close').then(([code]) => ({ code, stdout: Buffer.concat(out), stderr })) };
}

async function run({ folder }: Scratch, line: string, input: Uint8Array | string = ''): Promise<Buffer> {
  const { child, ended } = start(folder, line);
  child.stdin!.end(input);
  const { code, stdout, stderr } = await ended;
  assert.is(code, 0, `${line}: ${stderr}`);
  return stdout;
}

const inScratch = (body: (scratch: Scratch) => Promise<void>) => () => withScratch({}, body);

for (const line of ['cat', 'cat -', 'cat | cat', '(cat)', "sh -c 'cat'", "sh -c 'cat' | cat", 'cat > f; cat f']) {
  test(
    `taskShell() gives the input of its process, byte for byte, to ${line}`,
    inScratch(async (scratch) => {
      assert.is(digestOf(await run(scratch, line, EVERY_BYTE)), digestOf(EVERY_BYTE));
    }),
  );
}

test(
  'taskShell() gives the input of its process to head, and does not wait for the rest',
  inScratch(async ({ folder }) => {
    const { child, ended } = start(folder, 'head -n 1; echo done');
    child.stdin!.write('one\ntwo\n');
    const { code, stdout } = await ended;
    assert.equal([code, `${stdout}`], [0, 'one\ndone\n']);
  }),
);

for (const [line, wanted] of [
  ['cat bytes', EVERY_BYTE],
  ['cat bytes | cat > copy; cat copy', EVERY_BYTE],
  ['cat < bytes | sh -c cat | cat', EVERY_BYTE],
  ['sh -c "cat bytes" > copy; cat copy', EVERY_BYTE],
  ['cat bytes >> copy; cat copy', EVERY_BYTE],
  ['(cat bytes) | head -n 3', EVERY_BYTE.subarray(0, 256 * 2 + 11)],
  ['head -n 1 bytes', EVERY_BYTE.subarray(0, 11)],
  ['cp bytes copy; cat copy', EVERY_BYTE],
] as const) {
  test(
    `taskShell() leaves bytes as they are: ${line}`,
    inScratch(async (scratch) => {
      writeFileSync(path.join(scratch.folder, 'bytes'), EVERY_BYTE);
      assert.is(digestOf(await run(scratch, line)), digestOf(wanted));
    }),
  );
}

for (const line of [
  'cat big',
  'cat big | cat | cat',
  'cat big | sh -c cat | cat',
  'sh -c "cat big" | sh -c cat',
  '(cat big; false) | cat || true',
  'cat big > copy; cat copy | sh -c cat',
]) {
  test(
    `taskShell() passes a megabyte on: ${line}`,
    inScratch(async (scratch) => {
      writeFileSync(path.join(scratch.folder, 'big'), MEGABYTE);
      assert.is(digestOf(await run(scratch, line)), digestOf(MEGABYTE));
    }),
  );
}

for (const line of [
  'cat big | head -n 1 | sh -c "cat >&2"',
  'cat big | true',
  'cat big | sh -c true',
  'sh -c "cat big" | true',
]) {
  test(
    `taskShell() waits for no one who does not read a megabyte: ${line}`,
    inScratch(async (scratch) => {
      writeFileSync(path.join(scratch.folder, 'big'), MEGABYTE);
      assert.is((await run(scratch, line)).length, 0);
    }),
  );
}

test(
  'taskShell() takes a megabyte into a variable',
  inScratch(async (scratch) => {
    writeFileSync(path.join(scratch.folder, 'text'), 'x'.repeat(1 << 20));
    assert.is((await run(scratch, 'A=$(cat text); echo $A')).length, (1 << 20) + 1);
  }),
);

const isAlive = (id: number): boolean => {
  try {
    return process.kill(id, 0);
  } catch {
    return false;
  }
};

if (process.platform !== 'win32') {
  test(
    'taskShell() ends every program of a pipeline on Ctrl-C, with code 130',
    inScratch(async ({ folder }) => {
      // Each writes its own id, and says on standard error that it has.
      const program = (name: string): string => `sh -c 'echo $$ > ${name}; echo ready >&2; exec sleep 300'`;
      const { child, ended } = start(folder, `${program('a')} | ${program('b')} | cat && echo after`);
      let errors = '';
      await new Promise<void>((resolve) => {
        child.stderr!.on('data', (text) => {
          errors += text;
          if (errors.split('ready').length === 3) resolve();
        });
        child.on('close', () => resolve());
      });
      child.kill('SIGINT');
      const { code, stdout } = await ended;
      assert.equal([code, `${stdout}`], [130, '']);
      for (const name of ['a', 'b']) {
        const id = Number(readFileSync(path.join(folder, name), 'utf8'));
        for (let waits = 0; isAlive(id) && waits < 100; waits++) await pause(50);
        assert.is(isAlive(id), false, name);
      }
    }),
  );
}

test.run();
