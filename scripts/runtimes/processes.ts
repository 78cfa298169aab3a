// Runtimes that are programs: Node, Bun and Deno. Binaries are packages, those of test/runtimes apart from the project's own because they
// are large; Deno is one of the project's own.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { ContractReport } from '../../test/contract/contract.ts';
import { describeFailure, runProcess } from './run-process.ts';
import {
  type FingerprintRequest,
  type FingerprintTaken,
  nodesFolder,
  pinnedVersions,
  type RuntimeEntry,
  type RuntimeSession,
  root,
  runtimesFolder,
} from './runtime.ts';

const program = path.join(root, 'bin', 'selvedge.js');
const contractEntry = path.join(root, 'test', 'contract', 'entry.ts');
/** A short run may end before the kill comes. */
const KILL_ATTEMPTS = 5;

/** A runtime that is a program. */
export interface ProcessRuntime {
  readonly name: string;
  readonly reports: { readonly name: string; readonly version: string };
  /** The binary on this kind of machine; undefined: there is none. */
  readonly binary: string | undefined;
  /** Arguments before a TypeScript file, and before bin/selvedge.js. */
  readonly scriptArgs: readonly string[];
  readonly programArgs: readonly string[];
}

const versions = {
  ...pinnedVersions(path.join(root, 'package.json')),
  ...pinnedVersions(path.join(runtimesFolder, 'package.json')),
  ...pinnedVersions(path.join(nodesFolder, 'package.json')),
};
const machine = `${process.platform}-${process.arch}`;
const denoPackages: Readonly<Record<string, string>> = {
  'linux-x64': 'linux-x64-glibc',
  'linux-arm64': 'linux-arm64-glibc',
  'darwin-x64': 'darwin-x64',
  'darwin-arm64': 'darwin-arm64',
};
const bunPackages: Readonly<Record<string, string>> = {
  'linux-x64': 'bun-linux-x64',
  'linux-arm64': 'bun-linux-aarch64',
  'darwin-x64': 'bun-darwin-x64',
  'darwin-arm64': 'bun-darwin-aarch64',
};
const within = (folder: string, name: string | undefined, ...rest: string[]): string | undefined =>
  name && path.join(folder, name, ...rest);

function node(major: number): ProcessRuntime {
  // The one that runs this script needs no other binary.
  const isThis = process.versions.node.startsWith(`${major}.`);
  const name = `node-${major}`;
  const installed = machine === 'linux-x64' ? path.join(nodesFolder, 'node_modules', name, 'bin', 'node') : undefined;
  return {
    name,
    reports: { name: 'node', version: isThis ? process.versions.node : versions[name]! },
    binary: isThis ? process.execPath : installed,
    scriptArgs: ['--import', 'tsx'],
    programArgs: [],
  };
}

/** The Node that runs this script. */
export const thisNode: ProcessRuntime = node(Number(process.versions.node.split('.')[0]));

export const bun: ProcessRuntime = {
  name: 'bun',
  reports: { name: 'bun', version: versions.bun! },
  binary: within(path.join(runtimesFolder, 'node_modules', '@oven'), bunPackages[machine], 'bin', 'bun'),
  scriptArgs: ['--bun'],
  programArgs: ['--bun'],
};

export const deno: ProcessRuntime = {
  name: 'deno',
  reports: { name: 'deno', version: versions.deno! },
  binary: within(path.join(root, 'node_modules', '@deno'), denoPackages[machine], 'deno'),
  scriptArgs: ['run', '--allow-all'],
  programArgs: ['run', '--allow-all'],
};

/** Why a program cannot be run; undefined if it can. */
export function missingBinary({ binary }: Pick<ProcessRuntime, 'binary'>): string | undefined {
  if (binary === undefined) return `no package holds its binary for ${machine}`;
  return existsSync(binary) ? undefined : `${path.relative(root, binary)} is not there`;
}

async function runContract(runtime: ProcessRuntime, folder: string): Promise<ContractReport> {
  const ended = await runProcess(runtime.binary!, [...runtime.scriptArgs, contractEntry, folder]);
  try {
    return JSON.parse(ended.out.trimEnd().split('\n').at(-1)!) as ContractReport;
  } catch {
    throw new Error(describeFailure('the contract suite', ended));
  }
}

/** What `selvedge fingerprint --json` prints, as far as it is read here. */
interface Printed {
  readonly runtime: RuntimeSession['reports'];
  readonly kernels: string;
  readonly fingerprints: readonly { readonly weights: string }[];
}

async function takeFingerprint(runtime: ProcessRuntime, request: FingerprintRequest): Promise<FingerprintTaken> {
  const { model, data, images, start, isKilled } = request;
  const checkpoints = path.join(request.folder, 'checkpoints');
  const args = [...runtime.programArgs, program, 'fingerprint', '--json', '--model', model, '--images', `${images}`];
  if (start.sharedMemory === false) args.push('--unshared');
  if (start.threads !== undefined) args.push('--threads', `${start.threads}`);
  if (isKilled) args.push('--checkpoints', checkpoints, '--checkpoint-every', `${request.checkpointEvery}`);
  for (let attempt = 1; isKilled; attempt++) {
    // The second file is begun when the first is whole.
    const killWhenThere = path.join(checkpoints, model, 'checkpoint-1.bin');
    const first = await runProcess(runtime.binary!, args, { data, killWhenThere });
    if (first.signal === 'SIGKILL') break;
    if (attempt === KILL_ATTEMPTS) throw new Error(describeFailure('it was to be killed', first));
    rmSync(checkpoints, { recursive: true, force: true });
  }
  const ended = await runProcess(runtime.binary!, args, { data });
  if (ended.code !== 0) throw new Error(describeFailure('selvedge fingerprint', ended));
  if (isKilled && !ended.err.includes('went on after update')) throw new Error('It began anew after it was killed');
  const { fingerprints, kernels, runtime: ran } = JSON.parse(ended.out) as Printed;
  if (ran.name !== runtime.reports.name || ran.version !== runtime.reports.version) {
    throw new Error(`It says that it ran on ${ran.name} ${ran.version}`);
  }
  return { weights: fingerprints[0]!.weights, kernels };
}

function entryOf(runtime: ProcessRuntime): RuntimeEntry {
  return {
    kind: 'runtime',
    name: runtime.name,
    packages: runtime.reports.name === 'node' ? nodesFolder : runtimesFolder,
    missing: () => missingBinary(runtime),
    open: async () => ({
      version: spawnSync(runtime.binary!, ['--version'], { encoding: 'utf8' }).stdout.split('\n')[0]!.trim(),
      reports: runtime.reports,
      hasThreads: true,
      runContract: (folder) => runContract(runtime, folder),
      takeFingerprint: (request) => takeFingerprint(runtime, request),
      close: async () => {},
    }),
  };
}

/** In the order they are run in. */
export const processRuntimes: readonly RuntimeEntry[] = [...[20, 22, 24, 26].map(node), bun, deno].map(entryOf);
