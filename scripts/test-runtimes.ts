// Runs the contract suite and the fingerprint on every runtime that can be had, and compares the bits. A line a runtime.
// Invariant: its last line is `N passed, N failed`; what a runtime reports of itself is checked against what was asked for.
//
//   node --import tsx scripts/test-runtimes.ts [--full] [PART OF A NAME…]
//
// --full takes the whole fingerprint, at 1, 2 and 3 threads, on unshared memory, and killed and resumed: half an hour a runtime.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { modelNames } from '../src/models/index.ts';
import type { ContractReport } from '../test/contract/contract.ts';
import { findRuntime, installRuntimes, type Runtime, root, runtimeEntries } from './runtimes.ts';

const LIMIT_MS = 3_600_000;
const program = path.join(root, 'bin', 'selvedge.js');
const contractEntry = path.join(root, 'test', 'contract', 'entry.ts');

/** One way to take a fingerprint; all of them must come to the same weights. */
interface Way {
  readonly label: string;
  readonly args: readonly string[];
  /** Killed once, in the middle, and run again. */
  readonly isKilled?: boolean;
}

const killed: Way = { label: 'killed and resumed', args: ['--threads', '2'], isKilled: true };
const ways: Readonly<Record<'quick' | 'full', readonly Way[]>> = {
  // The contract suite has trained at all thread counts and on both memories already.
  quick: [{ label: '2 threads', args: ['--threads', '2'] }, killed],
  full: [
    { label: '2 threads', args: ['--threads', '2'] },
    { label: '1 thread', args: ['--threads', '1'] },
    { label: '3 threads', args: ['--threads', '3'] },
    { label: 'unshared memory', args: ['--unshared'] },
    killed,
  ],
};
/** Images of the shipped sample that the quick way trains on: no multiple of the batch of 100. */
const QUICK_IMAGES = 345;
/** Updates between checkpoints where a run is going to be killed, which happens after the second of them. */
const checkpointEvery = { quick: 1, full: 20 } as const;
/** A short run may end before the kill comes. */
const KILL_ATTEMPTS = 5;

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

const running = new Set<ChildProcess>();

function run(
  binary: string,
  args: readonly string[],
  options: { killWhenThere?: string; quick: boolean },
): Promise<Ended> {
  const { FORCE_COLOR: _, ...inherited } = process.env;
  const sample = options.quick ? { SELVEDGE_DATA: path.join(root, 'assets', 'sample') } : {};
  const child = spawn(binary, args, {
    cwd: root,
    env: { ...inherited, NO_COLOR: '1', ...sample },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  running.add(child);
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (err += chunk));
  const { killWhenThere: file } = options;
  const watch = file ? setInterval(() => existsSync(file) && child.kill('SIGKILL'), 5) : undefined;
  return new Promise((resolve) => {
    const end = (code: number | null, signal: NodeJS.Signals | null): void => {
      clearInterval(watch);
      running.delete(child);
      resolve({ code, signal, out, err });
    };
    child.on('error', (error) => {
      err += error.message;
      end(127, null);
    });
    child.on('close', end);
  });
}

/** What a runtime was found to do. */
interface Findings {
  /** What is in order, and what is not. */
  passed: number;
  readonly problems: string[];
  /** By what they are of: digests that must be those of every other runtime. */
  readonly bits: Record<string, string>;
  version: string;
  starts: string;
}

const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) ?? '';
const failure = (what: string, { code, signal, err }: Ended): string =>
  `${what}: ended with ${signal ?? `code ${code}`}\n${err.trimEnd()}`;

async function runContractOn(runtime: Runtime, folder: string, findings: Findings): Promise<void> {
  const ended = await run(runtime.binary, [...runtime.scriptArgs, contractEntry, folder], { quick: true });
  let report: ContractReport;
  try {
    report = JSON.parse(lastLine(ended.out)) as ContractReport;
  } catch {
    findings.problems.push(failure('the contract suite', ended));
    return;
  }
  const { name, version } = report.runtime;
  if (name !== runtime.reports.name || version !== runtime.reports.version) {
    const expected = `${runtime.reports.name} ${runtime.reports.version}`;
    findings.problems.push(`the suite says that it ran on ${name} ${version}, not on ${expected}`);
  }
  for (const { title, problem } of report.results) {
    if (problem === undefined) findings.passed++;
    else findings.problems.push(`${title}: ${problem}`);
  }
  findings.version = `${name} ${version}`;
  findings.starts = report.starts.join(', ');
  Object.assign(findings.bits, report.bits);
}

interface Taken {
  readonly runtime: { readonly name: string; readonly version: string };
  readonly fingerprints: readonly { readonly model: string; readonly weights: string; readonly updatesNow: number }[];
}

async function takeFingerprint(
  runtime: Runtime,
  model: string,
  way: Way,
  quick: boolean,
  folder: string,
): Promise<Taken> {
  const checkpoints = path.join(folder, 'checkpoints');
  const args = [
    ...runtime.programArgs,
    program,
    'fingerprint',
    '--json',
    '--model',
    model,
    ...way.args,
    ...(quick ? ['--images', String(QUICK_IMAGES)] : []),
    ...(way.isKilled
      ? ['--checkpoints', checkpoints, '--checkpoint-every', `${checkpointEvery[quick ? 'quick' : 'full']}`]
      : []),
  ];
  const what = `fingerprint of ${model}, ${way.label}`;
  for (let attempt = 1; way.isKilled; attempt++) {
    // The second file is begun when the first is whole.
    const killWhenThere = path.join(checkpoints, model, 'checkpoint-1.bin');
    const first = await run(runtime.binary, args, { quick, killWhenThere });
    if (first.signal === 'SIGKILL') break;
    if (attempt === KILL_ATTEMPTS) throw new Error(`${failure(what, first)}\nit was to be killed`);
    rmSync(checkpoints, { recursive: true, force: true });
  }
  const ended = await run(runtime.binary, args, { quick });
  rmSync(checkpoints, { recursive: true, force: true });
  if (ended.code !== 0) throw new Error(failure(what, ended));
  if (way.isKilled && !ended.err.includes('went on after update')) throw new Error(`${what}: it began anew`);
  return JSON.parse(ended.out) as Taken;
}

async function fingerprintOn(runtime: Runtime, quick: boolean, folder: string, findings: Findings): Promise<void> {
  for (const model of modelNames) {
    for (const way of ways[quick ? 'quick' : 'full']) {
      try {
        const { weights } = (await takeFingerprint(runtime, model, way, quick, folder)).fingerprints[0]!;
        findings.bits[`fingerprint of ${model}`] ??= weights;
        const expected = findings.bits[`fingerprint of ${model}`];
        if (weights === expected) findings.passed++;
        else findings.problems.push(`fingerprint of ${model}, ${way.label}: ${weights}, not ${expected}`);
      } catch (error) {
        findings.problems.push((error as Error).message);
      }
    }
  }
}

/** Digests that are not those of the first runtime. */
function differences(
  bits: Findings['bits'],
  first: { readonly version: string; readonly bits: Findings['bits'] },
): string[] {
  return Object.entries(bits)
    .filter(([what, digest]) => first.bits[what] !== undefined && first.bits[what] !== digest)
    .map(([what, digest]) => `${what}: ${digest}, but ${first.bits[what]} on ${first.version}`);
}

async function test(runtime: Runtime, quick: boolean): Promise<Findings> {
  const folder = mkdtempSync(path.join(os.tmpdir(), `selvedge-${runtime.name}-`));
  const findings: Findings = { passed: 0, problems: [], bits: {}, version: runtime.name, starts: '' };
  try {
    await runContractOn(runtime, path.join(folder, 'contract'), findings);
    await fingerprintOn(runtime, quick, folder, findings);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return findings;
}

async function main(words: readonly string[]): Promise<void> {
  const quick = !words.includes('--full');
  const parts = words.filter((word) => word !== '--full');
  const wanted = runtimeEntries.filter(({ name }) => parts.length === 0 || parts.some((part) => name.includes(part)));
  if (wanted.length === 0)
    throw new Error(`No runtime has ${parts.map((part) => `"${part}"`).join(' or ')} in its name`);
  installRuntimes(wanted, (line) => console.log(line));
  let first: Findings | undefined;
  let [passed, failed] = [0, 0];
  for (const entry of wanted) {
    const runtime = findRuntime(entry);
    if ('reason' in runtime) {
      console.log(`skipped ${entry.name.padEnd(14)} ${runtime.reason}`);
      continue;
    }
    const start = performance.now();
    const findings = await test(runtime, quick);
    first ??= findings;
    findings.problems.push(...differences(findings.bits, first));
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    const state = findings.problems.length === 0 ? 'ok     ' : 'FAILED ';
    const digests = modelNames.map(
      (model) => `${model} ${findings.bits[`fingerprint of ${model}`]?.slice(0, 12) ?? '-'}`,
    );
    console.log(
      `${state} ${findings.version.padEnd(14)} ${String(findings.passed).padStart(4)} passed ${seconds.padStart(7)} s  ` +
        `${findings.starts}; ${digests.join(', ')}`,
    );
    for (const problem of findings.problems) console.log(`        ${problem.replaceAll('\n', '\n        ')}`);
    passed += findings.passed;
    failed += findings.problems.length;
  }
  if (failed > 0 || first === undefined) process.exitCode = 1;
  console.log(`${passed} passed, ${failed} failed`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      for (const child of running) child.kill('SIGKILL');
      process.exit(128 + os.constants.signals[signal]);
    });
  }
  await main(process.argv.slice(2));
}
