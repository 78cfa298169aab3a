// What a check of the packed package is, and what checks share: processes in empty projects.
// Not here: any check. Invariant: a check throws, with what was said, or has passed.
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeFailure, type Ended, runProcess } from '../../scripts/runtimes/run-process.ts';

export const toolsFolder = fileURLToPath(new URL('.', import.meta.url));
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** The package as it lies packed, and where its users' projects may be. */
export interface Packed {
  readonly version: string;
  /** The tarball. */
  readonly file: string;
  /** The registry that has it, and passes on to the real one for all else. */
  readonly registry: string;
  /** A temporary folder; each check makes its own in it. */
  readonly folder: string;
  /** The project into which npm has installed the package. */
  readonly project: string;
}

export interface Check {
  readonly title: string;
  /** Why it cannot be had as things are; undefined if it can. */
  missing?(): string | undefined;
  /** @returns A few words on what was found */
  run(packed: Packed): Promise<string | undefined>;
}

/**
 * Makes a project that holds nothing but the files of a consumer.
 *
 * @param packed Where
 * @param name Its folder
 * @param consumers Names in consumer/ to copy into it
 * @param settings Fields of its package.json
 * @returns Its folder
 */
export function makeProject(packed: Packed, name: string, consumers: readonly string[], settings: object = {}): string {
  const folder = path.join(packed.folder, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module', ...settings }));
  for (const file of consumers) cpSync(path.join(toolsFolder, 'consumer', file), path.join(folder, file));
  return folder;
}

/**
 * Runs a program that must end well.
 *
 * @param cwd Working folder
 * @param command Program
 * @param args Its arguments
 * @returns What it said
 */
export async function run(cwd: string, command: string, ...args: string[]): Promise<Ended> {
  const ended = await runProcess(command, args, { cwd });
  if (ended.code === 0) return ended;
  throw new Error(describeFailure(`${path.basename(command)} ${args.join(' ')}`, ended) + ended.out);
}

/** The JSON that a program printed in its last line. */
export function lastJson<T>({ out }: Ended): T {
  return JSON.parse(out.trimEnd().split('\n').at(-1)!) as T;
}
