// Paths that a pattern means: `*`, `?`, `[…]` and `**`, as Deno's shell finds them; case does not matter, and names that begin
// with a dot are meant only by a dot. Not here: which words are patterns. Invariant: paths come sorted, folders before what is in them.
import { platform } from '../../platform/index.ts';

const literally = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
/** The same between brackets. */
const inBrackets = (text: string): string => text.replace(/[\\^\]-]/g, '\\$&');

/** A name's pattern, undefined where it is none: an open bracket, or stars in a number that means nothing. */
function toExpression(pattern: string): RegExp | undefined {
  if (pattern.includes('**')) return undefined;
  let source = '';
  for (let at = 0; at < pattern.length; at++) {
    const sign = pattern[at]!;
    if (sign === '*') source += '.*';
    else if (sign === '?') source += '.';
    else if (sign === '[') {
      const start = pattern[at + 1] === '!' ? at + 2 : at + 1;
      const end = pattern.indexOf(']', start + 1);
      if (end < 0) return undefined;
      const inner = pattern
        .slice(start, end)
        .replace(/(.)-(.)|[\s\S]/gu, (found, from, to) =>
          from === undefined ? inBrackets(found) : from <= to ? `${inBrackets(from)}-${inBrackets(to)}` : '',
        );
      source += start > at + 1 ? `[^${inner}]` : `[${inner}]`;
      at = end;
    } else source += literally(sign);
  }
  return new RegExp(`^(?:${source})$`, 'isu');
}

/** Whether a text asks for paths. */
export const isPattern = (text: string): boolean => /[?*[]/.test(text);

/**
 * The paths that a pattern means.
 *
 * @param pattern With `/`; absolute, or meant from `cwd`
 * @param cwd The folder
 * @returns Paths in the form of the pattern, sorted; undefined where it is no pattern
 */
export async function findPaths(pattern: string, cwd: string): Promise<string[] | undefined> {
  const { files } = platform;
  const isAbsolute = pattern.startsWith('/') || /^[a-z]:[\\/]/i.test(pattern);
  const parts = pattern.split('/').filter((part) => part !== '' && part !== '.');
  const root = isAbsolute ? (pattern.startsWith('/') ? '/' : `${parts.shift()}/`) : '';
  const expressions = parts.map((part) => (part === '**' ? '**' : isPattern(part) ? toExpression(part) : part));
  if (expressions.includes(undefined)) return undefined;
  const onlyFolders = pattern.endsWith('/');
  const found: string[] = [];
  const absolute = (path: string): string => (isAbsolute ? path : files.join(cwd, path === '' ? '.' : path));
  const isFolder = async (path: string): Promise<boolean> => (await files.status(absolute(path)))?.isFolder === true;
  const joined = (path: string, name: string): string =>
    path === '' || path.endsWith('/') ? path + name : `${path}/${name}`;

  const walk = async (path: string, at: number): Promise<void> => {
    const part = expressions[at];
    if (part === undefined) {
      if (!onlyFolders || (await isFolder(path))) found.push(path);
    } else if (typeof part === 'string' && part !== '**') {
      const next = joined(path, part);
      if ((await files.status(absolute(next))) !== undefined) await walk(next, at + 1);
    } else if (await isFolder(path)) {
      if (part instanceof RegExp && parts[at]!.startsWith('.')) {
        if (part.test('..')) await walk(joined(path, '..'), at + 1);
        if (part.test('.')) await walk(path, at + 1);
      }
      for (const name of await files.list(absolute(path))) await visit(path, name, at);
    }
  };
  const visit = async (path: string, name: string, at: number): Promise<void> => {
    const part = expressions[at];
    const next = joined(path, name);
    if (part instanceof RegExp) {
      if ((!name.startsWith('.') || parts[at]!.startsWith('.')) && part.test(name)) await walk(next, at + 1);
    } else if (!name.startsWith('.')) {
      // `**`: none or any number of folders.
      const last = at === expressions.length - 1;
      const folder = await isFolder(next);
      if (last && folder) found.push(next);
      if (!last) {
        const after = expressions[at + 1];
        if (after instanceof RegExp) await visit(path, name, at + 1);
        else if (after === name) await walk(next, at + 2);
      }
      if (folder) for (const child of await files.list(absolute(next))) await visit(next, child, at);
    }
  };
  await walk(root, 0);
  return found;
}
