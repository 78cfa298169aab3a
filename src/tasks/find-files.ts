// From the patterns of `files` and `output` to the files they mean, as `deno task` 2.9 reads them.
// Not a shell's globs: only `*`, `?` and a whole `**` are special, braces and square brackets stand for themselves.
// Invariant: the answer is sorted, holds files only, and never goes into `.git` or `node_modules` unless a pattern begins there.
import { platform } from '../platform/index.ts';

const IGNORED = ['.git', 'node_modules'];
const SPECIAL = /[*?]/;

/** A pattern split at its slashes, absolute where it says so. */
interface Pattern {
  /** Path before the first segment with a wildcard. */
  readonly base: string;
  /** Whether a file, by its path under `base`, is meant. */
  readonly matches: (under: readonly string[]) => boolean;
}

/** One path segment as an expression; a leading dot must be written out. Deno ignores case in patterns, not in paths. */
function segmentExpression(segment: string): RegExp {
  const source = segment.replace(/[.*+?^${}()|[\]\\]/g, (sign) =>
    sign === '*' ? '.*' : sign === '?' ? '.' : `\\${sign}`,
  );
  return new RegExp(SPECIAL.test(segment[0] ?? '') ? `^(?!\\.)${source}$` : `^${source}$`, 'isu');
}

/** Whether path segments match pattern segments, `**` standing for any number of folders that have no leading dot. */
function matchSegments(expressions: readonly (RegExp | '**')[], path: readonly string[]): boolean {
  const [first, ...rest] = expressions;
  if (first === undefined) return path.length === 0;
  if (first !== '**') return path.length > 0 && first.test(path[0]!) && matchSegments(rest, path.slice(1));
  if (rest.length === 0) return path.length > 0 && path.every((name) => !name.startsWith('.'));
  return (
    matchSegments(rest, path) ||
    (path.length > 0 && !path[0]!.startsWith('.') && matchSegments(expressions, path.slice(1)))
  );
}

/** Reads one pattern; undefined where it is not valid (`**` inside a segment), as Deno then does not cache at all. */
function parsePattern(folder: string, text: string): Pattern | undefined {
  const path = text.startsWith('file:') ? platform.files.fromUrl(new URL(text)) : text;
  const segments = path.split('/');
  const firstSpecial = segments.findIndex((segment) => SPECIAL.test(segment));
  if (firstSpecial === -1) return { base: platform.files.resolve(folder, path), matches: () => true };
  const wild = segments.slice(firstSpecial).filter((segment) => segment !== '' && segment !== '.');
  if (wild.some((segment) => segment.includes('**') && segment !== '**')) return undefined;
  const expressions = wild.map((segment) => (segment === '**' ? '**' : segmentExpression(segment)));
  const head = segments.slice(0, firstSpecial).join('/');
  return {
    base: platform.files.resolve(folder, head === '' && path.startsWith('/') ? '/' : head),
    matches: (under) => matchSegments(expressions, under),
  };
}

/** Path of a file in segments under a folder; undefined if it is elsewhere. A file is under itself. */
function segmentsUnder(folder: string, path: string): string[] | undefined {
  if (path === folder) return [];
  const names: string[] = [];
  for (let here = path; here !== folder; ) {
    const above = platform.files.dirname(here);
    if (above === here) return undefined;
    names.unshift(platform.files.basename(here));
    here = above;
  }
  return names;
}

/** Every file in a folder, or the file itself. */
async function walk(path: string, skip: string, found: Set<string>): Promise<void> {
  const status = await platform.files.status(path);
  if (status === undefined || path === skip) return;
  if (!status.isFolder) {
    found.add(path);
    return;
  }
  for (const entry of await platform.files.entries(path)) {
    const below = platform.files.join(path, entry.name);
    if (entry.isFile) found.add(below);
    else if (entry.isFolder && !IGNORED.includes(entry.name)) await walk(below, skip, found);
  }
}

/**
 * Finds the files that patterns mean. A path means a file, or everything in a folder, hidden files too; `*` and `**` skip names with a
 * leading dot; a pattern after `!` takes away, wherever it stands.
 *
 * @param folder What relative patterns are relative to
 * @param patterns Paths and patterns with `/` between segments
 * @param skip A folder to leave out whatever the patterns say: the cache itself
 * @returns Absolute paths, sorted; undefined if a pattern is not valid
 * @see https://docs.deno.com/runtime/reference/cli/task/
 *
 * @example
 * ```ts
 * const sources = await findFiles('/project', ['src', '!src/generated'], '/project/.cache');
 * console.assert(sources?.every((path) => path.endsWith('.ts')));
 * ```
 */
export async function findFiles(
  folder: string,
  patterns: readonly string[],
  skip: string,
): Promise<string[] | undefined> {
  const parsed = patterns.map((text) => ({
    excluded: text.startsWith('!'),
    pattern: parsePattern(folder, text.replace(/^!/, '')),
  }));
  const found = new Set<string>();
  for (const { excluded, pattern } of parsed) {
    if (pattern === undefined) return undefined;
    if (excluded) continue;
    const below = new Set<string>();
    await walk(pattern.base, skip, below);
    for (const path of below) if (pattern.matches(segmentsUnder(pattern.base, path) ?? [])) found.add(path);
  }
  const excluded = parsed.filter((item) => item.excluded).map((item) => item.pattern!);
  const kept = [...found].filter((path) =>
    excluded.every((pattern) => {
      const under = segmentsUnder(pattern.base, path);
      return under === undefined || !pattern.matches(under);
    }),
  );
  return kept.sort();
}
