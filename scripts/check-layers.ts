// The gate's check of the house: imports point one way, only the platform knows its runtime, arithmetic that decides weights is
// the same on every engine, and no file names a folder of somebody's machine. Not a linter: style is Biome's.
//
//   node --import tsx scripts/check-layers.ts
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { codeOf } from './code-of.ts';

/** One broken rule. */
export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/** Folders of src/ in the order that imports may point back along. */
const road = [
  'core',
  'edge',
  'platform',
  'backend',
  'data',
  'models',
  'plan',
  'training',
  'evaluation',
  'experiments',
  'explain',
  'apps',
  'queue',
  'serve',
  'cli',
] as const;
/** Folders beside the road and what they may import. */
const beside: Readonly<Record<string, readonly string[]>> = {
  report: ['core', 'platform'],
  tasks: ['core', 'platform'],
};
/** The only folders that may import those beside the road. */
const mayImportBeside = ['serve', 'cli'];
/** Folders whose results must have the same bits on every engine. */
const reproducible = ['core', 'edge', 'backend', 'data', 'models', 'plan', 'training', 'explain'];
/** What of Math every engine rounds alike: exact results and constants. ECMA-262 leaves the rest to the engine. */
const exactMath =
  /^\.(?:abs|ceil|clz32|floor|fround|imul|max|min|round|sign|sqrt|trunc|E|LN2|LN10|LOG2E|LOG10E|PI|SQRT2|SQRT1_2)\b/;
const runtimeGlobals = /(?<![.\w$])(?:process|Buffer|Deno|Bun|__dirname|__filename|require)(?=\s*[.([])/g;

/**
 * Checks one file of src/.
 *
 * @param file Path from the root, with `/`
 * @param source Its text
 * @returns What breaks a rule, by line
 */
export function checkSource(file: string, source: string): Violation[] {
  const code = codeOf(source);
  const layer = layerOf(file);
  if (layer === undefined) return [];
  if (layer !== '' && !isKnown(layer)) {
    return [
      { file, line: 1, message: `src/${layer}/ is no folder of the house: expected one of ${known().join(', ')}` },
    ];
  }
  return [
    ...importsOf(source, code).flatMap(({ specifier, index }) =>
      violationAt(file, source, index, forbiddenImport(file, layer, specifier)),
    ),
    ...runtimeUses(file, layer, source, code),
    ...(reproducible.includes(layer) ? inexactArithmetic(file, source, code) : []),
  ].sort((a, b) => a.line - b.line);
}

/**
 * Checks that a text names no folder of a machine: somebody's home, or where the project happens to lie.
 *
 * @param file Path from the root, for the message
 * @param text Its text
 * @param root Absolute path of the project on this machine
 */
export function checkMachinePaths(file: string, text: string, root: string): Violation[] {
  const start = String.raw`(?<![\w.~/\\*})-])`;
  const patterns = [
    String.raw`/(?:home|Users)/[\w.-]+`,
    String.raw`/(?:root|work|workspace)/[\w.-]+`,
    String.raw`[A-Z]:\\+Users\\+[\w.-]+`,
    // A root of one folder, such as /app, could well stand in a text for itself.
    ...(root.split(/[\\/]/).filter(Boolean).length > 1 ? [`${escapeRegExp(root)}\\b`] : []),
  ];
  const expression = new RegExp(`${start}(?:file://)?(?:${patterns.join('|')})`, 'g');
  return [...text.matchAll(expression)].flatMap((found) =>
    violationAt(
      file,
      text,
      found.index,
      `"${found[0]}" is a path of one machine: use a relative path or make it at run time`,
    ),
  );
}

const known = (): string[] => [...road, ...Object.keys(beside)];
const isKnown = (layer: string): boolean => known().includes(layer);
const escapeRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Folder of src/ that a file is in; '' for a file of src/ itself, undefined elsewhere. */
function layerOf(file: string): string | undefined {
  const [top, folder, ...rest] = file.split('/');
  if (top !== 'src' || folder === undefined) return undefined;
  return rest.length > 0 ? folder : '';
}

interface Import {
  readonly specifier: string;
  readonly index: number;
}

/** Static, side-effect, dynamic and type imports and re-exports, where the specifier is a literal. */
function importsOf(source: string, code: string): Import[] {
  const found = code.matchAll(/\b(?:from|import)\s*\(?\s*(['"`])( *)\1/g);
  return [...found].map((match) => {
    const start = match.index + match[0].length - match[2]!.length - 1;
    return { specifier: source.slice(start, start + match[2]!.length), index: match.index };
  });
}

function forbiddenImport(file: string, layer: string, specifier: string): string | undefined {
  const said = `cannot import "${specifier}"`;
  if (specifier.startsWith('node:') || builtinModules.includes(specifier)) {
    return layer === 'platform' ? undefined : `${said}: only src/platform/ may import modules of the runtime`;
  }
  if (specifier === 'selvedge' || specifier.startsWith('selvedge/')) {
    return `${said}: inside src/ import the file itself`;
  }
  if (!specifier.startsWith('.')) return undefined;
  const target = path.posix.join(path.posix.dirname(file), specifier);
  const to = layerOf(target);
  if (to === undefined) return `${said}: it is outside src/`;
  if (to === layer) return undefined;
  if (to === '') return `${said}: the public face imports the folders, not they it`;
  return mayImport(layer, to)
    ? undefined
    : `${said}: src/${layer || 'index.ts'} may import ${allowedFor(layer).join(', ')}`;
}

function allowedFor(layer: string): readonly string[] {
  if (layer === '') return known().filter((name) => name !== 'cli');
  if (beside[layer]) return beside[layer];
  const before = road.slice(0, road.indexOf(layer as (typeof road)[number]));
  return mayImportBeside.includes(layer) ? [...before, ...Object.keys(beside)] : before;
}

function mayImport(layer: string, to: string): boolean {
  return allowedFor(layer).includes(to);
}

function runtimeUses(file: string, layer: string, source: string, code: string): Violation[] {
  if (layer === 'platform') return [];
  return [...code.matchAll(runtimeGlobals)].flatMap((found) =>
    violationAt(
      file,
      source,
      found.index,
      `"${found[0]}" belongs to a runtime: only src/platform/ may know on which it is`,
    ),
  );
}

function inexactArithmetic(file: string, source: string, code: string): Violation[] {
  const violations: Violation[] = [];
  for (const found of code.matchAll(/(?<![.\w$])Math\b\s*/g)) {
    const rest = code.slice(found.index + found[0].length);
    if (exactMath.test(rest)) continue;
    const name = `Math${/^\??\.\s*\w+|^\[/.exec(rest)?.[0].replace(/\s/g, '') ?? ''}`;
    const reason =
      name === 'Math.random'
        ? 'runs must be reproducible: draw from src/core/philox.ts'
        : 'engines differ in its last bit';
    violations.push(...violationAt(file, source, found.index, `"${name}" is forbidden here: ${reason}`));
  }
  for (const found of code.matchAll(/\*\*=?/g)) {
    violations.push(
      ...violationAt(file, source, found.index, `"${found[0]}" is forbidden here: engines differ in its last bit`),
    );
  }
  return violations;
}

function violationAt(file: string, source: string, index: number, message: string | undefined): Violation[] {
  if (message === undefined) return [];
  return [{ file, line: source.slice(0, index).split('\n').length, message }];
}

function listFiles(root: string, ...options: string[]): string[] {
  const text = execFileSync('git', ['ls-files', '-z', ...options], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 });
  return text.split('\0').filter(Boolean);
}

function main(): void {
  const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '');
  const read = (file: string): Buffer | undefined => {
    try {
      return readFileSync(path.join(root, file));
    } catch {
      // Deleted, but not yet from the index.
      return undefined;
    }
  };
  const sources = listFiles(root, '--cached', '--others', '--exclude-standard', 'src').filter((file) =>
    /\.[jt]s$/.test(file),
  );
  const tracked = listFiles(root);
  const violations = [
    ...sources.flatMap((file) => checkSource(file, read(file)?.toString('utf8') ?? '')),
    ...tracked.flatMap((file) => {
      const bytes = read(file);
      return bytes === undefined || bytes.includes(0) ? [] : checkMachinePaths(file, bytes.toString('utf8'), root);
    }),
  ];
  for (const { file, line, message } of violations) console.error(`${file}:${line}: ${message}`);
  if (violations.length > 0) {
    console.error(`${violations.length} violations`);
    process.exitCode = 1;
  } else console.log(`${sources.length} sources and ${tracked.length} files follow the rules of the house`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
