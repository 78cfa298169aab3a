// Makes build/tasks.json: the tasks of deno.json for where there is no checkout, and for each pattern of sources in it one file that
// stands for them. Read by src/cli/browser.ts. Invariant: a stand-in matches its own pattern, and changes when a source does.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { sha256 } from '../src/core/sha256.ts';
import { findFiles } from '../src/tasks/find-files.ts';
import { hashFields, relativePath } from '../src/tasks/fingerprint.ts';
import { parseTaskFile } from '../src/tasks/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** A path that a pattern means: wildcards become words, or nothing where they may. */
export function standInOf(pattern: string): string {
  return pattern.replace(/\*\*$/, 'all').replaceAll('**/', '').replace(/[*?]/g, 'all');
}

/** Patterns of files that tasks make themselves, wherever they run. */
const isMade = (pattern: string): boolean => /^(?:runs|build|dist)\//.test(pattern);

/**
 * The content of build/tasks.json.
 *
 * @returns Text of deno.json, and by path the digest of what a pattern means
 */
export async function packagedTasks(): Promise<{ denoJson: string; sources: Record<string, string> }> {
  const file = path.join(root, 'deno.json');
  const denoJson = readFileSync(file, 'utf8');
  const patterns = new Set(parseTaskFile(denoJson, file).tasks.flatMap(({ files }) => files));
  const sources: Record<string, string> = {};
  for (const pattern of [...patterns].filter((each) => !isMade(each)).sort()) {
    const found = (await findFiles(root, [pattern], path.join(root, '.selvedge'))) ?? [];
    const digests = await Promise.all(found.map(async (each) => sha256(readFileSync(each))));
    sources[standInOf(pattern)] = await hashFields([...found.map((each) => relativePath(root, each)), ...digests]);
  }
  return { denoJson, sources };
}
