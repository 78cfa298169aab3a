// Runs the tests: each file of test/ in a process of its own, two at a time, then tfjs-core's suite on our backend.
// Invariant: it always ends, by a time limit a file, and its last line is `N passed, N failed`; a file that ran no test has failed.
//
//   node --import tsx scripts/run-tests.ts [PART OF A PATH…]     all, or the files whose paths hold one of the parts
//
// What trains for real (*.e2e.ts) takes minutes and runs only where a part names it: `npm test -- e2e`.
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const FILE_LIMIT_MS = 600_000;
const END_TO_END_LIMIT_MS = 1_200_000;
const TICK_MS = 1_000;
const JOBS = Math.min(2, os.availableParallelism());
/** First words of a comment line of a test file that is sensitive to load, before the reason. */
const ALONE = /^\/\/ Runs alone: /m;
const SUITE = 'test/conformance/run.ts';
const root = fileURLToPath(new URL('..', import.meta.url));

/** How one file went. */
export interface FileResult {
  readonly passed: number;
  readonly failed: number;
  /** Why the file counts as failed; undefined if it does not. */
  readonly problem?: string;
}

/** How a process ended: its code, or undefined where the time was over. */
export interface Ending {
  readonly code: number | undefined;
  readonly output: string;
}

/**
 * Judges a test file by what uvu printed.
 *
 * @param ending Exit code and all output
 * @returns Counts; `problem` unless every test that was declared has passed
 */
export function judgeFile({ code, output }: Ending): FileResult {
  const counted = (name: string): number => {
    const lines = [...output.matchAll(new RegExp(`^ {2}${name}: +(\\d+)$`, 'gm'))];
    return Number(lines.at(-1)?.[1] ?? 0);
  };
  const [total, passed, skipped] = [counted('Total'), counted('Passed'), counted('Skipped')];
  const broken = Math.max(0, total - passed - skipped);
  const failure = (problem: string): FileResult => ({ passed, failed: Math.max(1, broken), problem });
  if (code === undefined) return failure('no end in time');
  if (code !== 0) return failure(broken > 0 ? `${broken} failed` : `ended with code ${code}`);
  if (skipped > 0) return failure(`${skipped} skipped`);
  if (total === 0) return failure('ran no test');
  return broken > 0 ? failure(`${broken} failed`) : { passed, failed: 0 };
}

/** Judges tfjs-core's suite by its own last words. */
export function judgeSuite({ code, output }: Ending): FileResult & { readonly summary: string } {
  const summary = /^tfjs-core suite.*: \d+ specs, (\d+) failed.*$/m.exec(output);
  const failed = Number(summary?.[1] ?? 0);
  const text = summary?.[0] ?? 'tfjs-core suite: no result';
  if (code === undefined) return { passed: 0, failed: 1, problem: 'no end in time', summary: text };
  if (code === 0 && summary && failed === 0) return { passed: 0, failed: 0, summary: text };
  return { passed: 0, failed: Math.max(1, failed), problem: `ended with code ${code}`, summary: text };
}

const isEndToEnd = (file: string): boolean => file.endsWith('.e2e.ts');

const running = new Set<ChildProcess>();

/** Ends a process and all that it started. */
function kill(child: ChildProcess): void {
  try {
    if (process.platform === 'win32') child.kill('SIGKILL');
    else process.kill(-child.pid!, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** Runs a TypeScript file in a process group of its own, so that its end is the end of everything it started. */
function run(file: string): Promise<Ending> {
  const { FORCE_COLOR: _, ...env } = process.env;
  const child = spawn(process.execPath, ['--import', 'tsx', file], {
    cwd: root,
    env: { ...env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
  });
  running.add(child);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve) => {
    let isLate = false;
    let spentMs = 0;
    let last = performance.now();
    const limitMs = isEndToEnd(file) ? END_TO_END_LIMIT_MS : FILE_LIMIT_MS;
    const clock = setInterval(() => {
      // A machine that was suspended meanwhile has spent no time on the test.
      spentMs += Math.min(performance.now() - last, 2 * TICK_MS);
      last = performance.now();
      isLate = spentMs > limitMs;
      if (isLate) kill(child);
    }, TICK_MS);
    const end = (code: number | undefined): void => {
      clearInterval(clock);
      running.delete(child);
      resolve({ code: isLate ? undefined : code, output: Buffer.concat(chunks).toString('utf8') });
    };
    child.on('error', (error) => {
      chunks.push(Buffer.from(`${error.message}\n`));
      end(1);
    });
    // What a test leaves running would hold the pipes open.
    child.on('exit', () => kill(child));
    child.on('close', (code) => end(code ?? 1));
  });
}

function show(file: string, result: FileResult, seconds: number, output: string): void {
  const state = result.problem === undefined ? 'ok    ' : 'FAILED';
  const counts = `${String(result.passed).padStart(4)} passed ${seconds.toFixed(1).padStart(6)} s`;
  console.log(`${state} ${file.padEnd(58)} ${counts}${result.problem === undefined ? '' : `  ${result.problem}`}`);
  if (result.problem !== undefined || isEndToEnd(file)) console.log(`${output.trimEnd()}\n---- end of ${file}`);
}

async function runFile(file: string): Promise<FileResult> {
  const start = performance.now();
  const ending = await run(file);
  const result = judgeFile(ending);
  show(file, result, (performance.now() - start) / 1000, ending.output);
  return result;
}

async function runSuite(): Promise<FileResult> {
  const start = performance.now();
  const ending = await run(SUITE);
  const result = judgeSuite(ending);
  if (result.problem !== undefined) console.log(`FAILED ${SUITE}  ${result.problem}\n${ending.output.trimEnd()}`);
  console.log(`${result.summary} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  return result;
}

/** Runs files, at most `jobs` at a time, in order. */
async function runAll(files: readonly string[], jobs: number): Promise<FileResult[]> {
  const results: FileResult[] = [];
  const waiting = [...files];
  const work = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) results.push(await runFile(file));
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return results;
}

function findTests(folder: string): string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const below = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : findTests(below);
      return /\.(?:test|e2e)\.ts$/.test(entry.name) ? [below] : [];
    })
    .sort();
}

async function main(parts: readonly string[]): Promise<void> {
  const isNamed = (file: string): boolean => parts.some((part) => file.includes(part));
  const isWanted = (file: string): boolean => isNamed(file) || (parts.length === 0 && !isEndToEnd(file));
  const files = findTests('test').filter(isWanted);
  const withSuite = isWanted(SUITE);
  if (files.length === 0 && !withSuite) {
    console.error(`No test file has ${parts.map((part) => `"${part}"`).join(' or ')} in its path`);
    process.exitCode = 1;
  }
  const isAlone = (file: string): boolean =>
    isEndToEnd(file) || ALONE.test(readFileSync(path.join(root, file), 'utf8'));
  const results = [
    ...(await runAll(
      files.filter((file) => !isAlone(file)),
      JOBS,
    )),
    ...(await runAll(files.filter(isAlone), 1)),
    ...(withSuite ? [await runSuite()] : []),
  ];
  const sum = (count: 'passed' | 'failed'): number => results.reduce((total, result) => total + result[count], 0);
  if (results.some(({ problem }) => problem !== undefined)) process.exitCode = 1;
  console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      for (const child of running) kill(child);
      process.exit(128 + os.constants.signals[signal]);
    });
  }
  await main(process.argv.slice(2));
}
