// Runs the contract suite and the fingerprint on every runtime that can be had, and compares the bits; then what else belongs to runtimes,
// such as the pipeline on Bun and on Deno. A line each.
// Invariant: its last line is `N passed, N failed`; what a runtime reports of itself is checked against what was asked for.
//
//   node --import tsx scripts/test-runtimes.ts [--full | --ci] [--save] [PART OF A NAME…]
//
// --full takes the whole fingerprint, at 1 to 4 threads, on unshared memory, and killed and resumed: a quarter of an hour a runtime.
// --ci is one runtime of each kind, or those that are named, in a few minutes; one that cannot be had has failed.
// --save writes what was found into docs/runtimes.md.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { modelNames } from '../src/models/index.ts';
import { FINGERPRINT_IMAGES } from '../src/training/index.ts';
import { entries, shortForm } from './runtimes/index.ts';
import { killProcesses, runProcess } from './runtimes/run-process.ts';
import {
  type CommandEntry,
  type Entry,
  type FingerprintRequest,
  installMissing,
  type RuntimeEntry,
  type RuntimeSession,
  root,
} from './runtimes/runtime.ts';
import { describeFindings, type Findings, tableOf } from './runtimes/table.ts';
import { judgeOutput } from './runtimes/verdict.ts';

const TABLE = path.join('docs', 'runtimes.md');
/** Of what a failed command said, in characters: all that a test file of uvu says of a few failures. */
const MOST_TEXT = 10_000;
const OPTIONS = ['--full', '--ci', '--save'];

/** One way to take a fingerprint; all of them must come to the same weights. */
interface Way extends Pick<FingerprintRequest, 'start' | 'isKilled'> {
  readonly label: string;
}

const threads = (count: number, label = `${count} thread${count === 1 ? '' : 's'}`): Way => ({
  label,
  start: { threads: count },
  isKilled: false,
});
const unshared: Way = { label: 'unshared memory', start: { sharedMemory: false }, isKilled: false };
const killed: Way = { label: 'killed and resumed', start: { threads: 2 }, isKilled: true };

/** What a form of the test takes fingerprints of, and how. */
interface Form {
  readonly ways: readonly Way[];
  readonly models: readonly string[];
  readonly data: FingerprintRequest['data'];
  readonly images: number;
  readonly checkpointEvery: number;
}

const quick: Form = {
  // The contract suite has trained at all thread counts and on both memories already.
  ways: [threads(2), killed],
  models: modelNames,
  data: 'sample',
  // No multiple of the batch of 100.
  images: 345,
  checkpointEvery: 1,
};
const ci: Form = { ...quick, ways: [killed], models: ['dropout'] };
const full: Form = {
  ways: [threads(2), threads(1), threads(3), threads(4), unshared, killed],
  models: modelNames,
  data: 'whole',
  images: FINGERPRINT_IMAGES,
  checkpointEvery: 20,
};

async function runContractOn(session: RuntimeSession, folder: string, findings: Findings): Promise<void> {
  const { runtime, results, starts, bits, machine } = await session.runContract(folder);
  const { name, version } = session.reports;
  if (runtime.name !== name || runtime.version !== version) {
    findings.problems.push(
      `the suite says that it ran on ${runtime.name} ${runtime.version}, not on ${name} ${version}`,
    );
  }
  for (const { title, problem } of results) {
    if (problem === undefined) findings.passed++;
    else findings.problems.push(`${title}: ${problem}`);
  }
  findings.starts = starts.join(', ');
  findings.machine = `${machine.cpu}, ${machine.cores} cores, ${machine.operatingSystem.split(' ')[0]} ${machine.architecture}`;
  Object.assign(findings.bits, bits);
}

async function fingerprintsOn(session: RuntimeSession, form: Form, folder: string, findings: Findings): Promise<void> {
  const ways = session.hasThreads ? form.ways : [unshared];
  const { data, images, checkpointEvery } = form;
  findings.ways = ways.map(({ label }) => label);
  for (const model of form.models) {
    const title = `fingerprint of ${model}`;
    for (const [i, { label, start, isKilled }] of ways.entries()) {
      const own = path.join(folder, `${model}-${i}`);
      try {
        const request = { model, data, images, start, isKilled, checkpointEvery, folder: own };
        const { weights, kernels } = await session.takeFingerprint(request);
        findings.kernels = kernels;
        findings.bits[title] ??= weights;
        if (weights === findings.bits[title]) findings.passed++;
        else findings.problems.push(`${title}, ${label}: ${weights}, not ${findings.bits[title]}`);
      } catch (error) {
        findings.problems.push(`${title}, ${label}: ${(error as Error).message}`);
      }
    }
  }
}

async function testRuntime(entry: RuntimeEntry, form: Form): Promise<Findings> {
  const folder = mkdtempSync(path.join(os.tmpdir(), `selvedge-${entry.name}-`));
  const findings: Findings = { entry, passed: 0, problems: [], bits: {}, ways: [] };
  let session: RuntimeSession | undefined;
  try {
    session = await entry.open();
    findings.version = session.version;
    await runContractOn(session, path.join(folder, 'contract'), findings);
    await fingerprintsOn(session, form, folder, findings);
  } catch (error) {
    findings.problems.push((error as Error).message);
  } finally {
    await session?.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return findings;
}

async function testCommand(entry: CommandEntry): Promise<Findings> {
  const { code, out, err } = await runProcess(entry.command, entry.args, entry.cwd ? { cwd: entry.cwd } : {});
  const { passed, failed } = judgeOutput(code, out);
  const problems = Array.from({ length: failed }, (_, i) =>
    i === 0 ? `${out}${err}`.trimEnd().slice(-MOST_TEXT) : 'as above',
  );
  return { entry, passed, problems, bits: {}, ways: [] };
}

/** Digests that are not those of the first runtime. */
function differences({ bits }: Findings, first: Findings | undefined): string[] {
  return Object.entries(bits)
    .filter(([what, digest]) => first?.bits[what] !== undefined && first.bits[what] !== digest)
    .map(([what, digest]) => `${what}: ${digest}, but ${first!.bits[what]} on ${first!.entry.name}`);
}

/** What the words of the command line ask for. */
export function choose(words: readonly string[]): { wanted: readonly Entry[]; form: Form; mayBeMissing: boolean } {
  const unknown = words.find((word) => word.startsWith('--') && !OPTIONS.includes(word));
  if (unknown !== undefined) throw new Error(`Unknown option "${unknown}": expected ${OPTIONS.join(', ')}`);
  const isShort = words.includes('--ci');
  if (isShort && words.includes('--full')) throw new Error('Cannot be --full and --ci: choose one');
  const parts = words.filter((word) => !word.startsWith('--'));
  const isWanted = ({ name }: Entry): boolean =>
    parts.length === 0 ? !isShort || shortForm.includes(name) : parts.some((part) => name.includes(part));
  const wanted = entries.filter(isWanted);
  if (wanted.length === 0) {
    const known = entries.map(({ name }) => name).join(', ');
    throw new Error(`No runtime has ${parts.map((part) => `"${part}"`).join(' or ')} in its name: expected ${known}`);
  }
  return { wanted, form: isShort ? ci : words.includes('--full') ? full : quick, mayBeMissing: !isShort };
}

async function main(words: readonly string[]): Promise<void> {
  let chosen: ReturnType<typeof choose>;
  try {
    chosen = choose(words);
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 2;
    return;
  }
  const { wanted, form, mayBeMissing } = chosen;
  installMissing(wanted, (line) => console.log(line));
  const found: Findings[] = [];
  let missing = 0;
  for (const entry of wanted) {
    const reason = entry.missing();
    if (reason !== undefined) {
      console.log(`${mayBeMissing ? 'skipped' : 'FAILED '} ${entry.name.padEnd(14)} ${reason}`);
      if (!mayBeMissing) missing++;
      continue;
    }
    const start = performance.now();
    const findings = entry.kind === 'runtime' ? await testRuntime(entry, form) : await testCommand(entry);
    findings.problems.push(...differences(findings, found[0]));
    found.push(findings);
    console.log(describeFindings(findings, (performance.now() - start) / 1000));
  }
  if (words.includes('--save') && found.length > 0) writeFileSync(path.join(root, TABLE), tableOf(found, form, words));
  const passed = found.reduce((sum, findings) => sum + findings.passed, 0);
  const failed = missing + found.reduce((sum, { problems }) => sum + problems.length, 0);
  if (failed > 0 || found.length === 0) process.exitCode = 1;
  console.log(`${passed} passed, ${failed} failed`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      killProcesses();
      process.exit(128 + os.constants.signals[signal]);
    });
  }
  await main(process.argv.slice(2));
}
