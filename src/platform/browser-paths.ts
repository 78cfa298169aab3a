// Paths in a browser: those of the origin-private file system, as on POSIX, and addresses, which are paths that can only be read.
// Not here: what is behind them. Invariant: pure text; a normal path has no '.', no '..' and no empty segment, and never leaves its root.

/** `http://…` and the like, and what bundlers put in place of small files. */
const ADDRESS = /^(?:[a-z][a-z\d+.-]*:\/\/|data:|blob:)/i;
/** An address up to its path. */
const ROOT = /^(?:(?:data|blob):.*|[a-z][a-z\d+.-]*:\/\/[^/]*)/is;

export const isAddress = (path: string): boolean => ADDRESS.test(path);

/** `/` of a path, `https://host` of an address; empty where it is relative. */
const rootOf = (path: string): string => (isAddress(path) ? ROOT.exec(path)![0] : path.startsWith('/') ? '/' : '');

/** The names on the way from the root: `..` at the root stays there, as everywhere else. */
export function segmentsOf(path: string): string[] {
  const root = rootOf(path);
  const segments: string[] = [];
  for (const name of path.slice(root.length).split('/')) {
    if (name === '' || name === '.') continue;
    if (name !== '..') segments.push(name);
    else if (root !== '' || (segments.length > 0 && segments.at(-1) !== '..')) segments.pop();
    else segments.push('..');
  }
  return segments;
}

/** A path without detours. */
function normalize(path: string): string {
  const root = rootOf(path);
  const rest = segmentsOf(path).join('/');
  if (root === '' || root === '/') return `${root}${rest}` || '.';
  return rest === '' ? root : `${root}/${rest}`;
}

/** As `path.posix.join`; of an address, what is below it. */
export const join = (...parts: string[]): string => normalize(parts.filter((part) => part !== '').join('/'));

/** As `path.posix.resolve`, in the folder `/`. An address begins anew, like a path that begins with a slash. */
export const resolve = (...parts: string[]): string =>
  normalize(parts.reduce((base, part) => (rootOf(part) === '' ? (part === '' ? base : `${base}/${part}`) : part), '/'));

export function dirname(path: string): string {
  const segments = segmentsOf(path);
  const root = rootOf(path);
  return segments.length === 0 ? root || '.' : join(root, ...segments.slice(0, -1));
}

export const basename = (path: string): string => segmentsOf(path).at(-1) ?? '';
