// Fills dist/ with what the npm package holds of src/: JavaScript and declarations, file by file in the same folders, so that
// `new URL('../../build/…', import.meta.url)` names the same file from either. `selvedge build --package` calls it.
// Not here: types are `check:types`'s business, an error in them stops no build. Invariant: a file is replaced whole, and only if it
// has changed.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { messageOf, SelvedgeError } from '../src/core/errors.ts';
import { platform } from '../src/platform/index.ts';
import type { Built } from './build-kernels.ts';
import { bundleProgram } from './build-program.ts';
import { packagedTasks } from './build-tasks.ts';
import { sourcesDigest, stampFile } from './program.js';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What each runtime's own conditions choose in the package: see `imports` in package.json. By folder: what the modules import. */
const chosen: Readonly<Record<string, readonly (readonly [RegExp, string])[]>> = {
  platform: [[/(from )(['"])\.\/detect\.js\2/, '#platform']],
};

/**
 * What becomes of an emitted file.
 *
 * @param file Path below dist/, with `/`
 * @param text As the compiler wrote it
 * @example
 * ```ts
 * console.assert(finish('core/index.d.ts', "export * from './errors.ts';") === "export * from './errors.js';");
 * ```
 */
export function finish(file: string, text: string): string {
  // The compiler rewrites extensions of imports in JavaScript only.
  if (file.endsWith('.d.ts')) return text.replace(/((?:from |import\()(['"])\.[^'"]*)\.ts\2/g, '$1.js$2');
  const changes = chosen[path.posix.dirname(file)] ?? [];
  return changes.reduce((changed, [specifier, name]) => changed.replace(specifier, `$1$2${name}$2`), text);
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => statSync(path.join(folder, file)).isFile())
    .map((file) => file.replaceAll('\\', '/'))
    .sort();
}

function replace(target: string, text: string): void {
  if (existsSync(target) && readFileSync(target, 'utf8') === text) return;
  mkdirSync(path.dirname(target), { recursive: true });
  const beside = `${target}.${process.pid}.part`;
  writeFileSync(beside, text);
  renameSync(beside, target);
}

/** The compiler's program itself: any runtime can start it. */
async function compilerPath(): Promise<string> {
  const folder = path.dirname(fileURLToPath(import.meta.resolve('typescript/package.json')));
  const { default: getExePath } = (await import(pathToFileURL(path.join(folder, 'lib', 'getExePath.js')).href)) as {
    default: () => string;
  };
  return getExePath();
}

/** Compiles into a folder. */
async function emit(folder: string, onOutput: (text: string) => void): Promise<void> {
  const { code, stdout, stderr } = await platform.runCommand(
    await compilerPath(),
    ['-p', 'tsconfig.package.json', '--outDir', folder],
    { cwd: root },
  );
  if (code !== 0) onOutput(`${stdout}${stderr}`);
  if (existsSync(path.join(folder, 'index.js'))) return;
  throw new SelvedgeError('build/failed', `Cannot compile the package: the compiler ended with code ${code}`);
}

/**
 * Builds dist/.
 *
 * @param onOutput Hears what the compiler says
 * @returns One line: the folder and the size of what is in it
 * @throws SelvedgeError `build/failed`
 */
export async function buildPackage(onOutput: (text: string) => void): Promise<Built[]> {
  const target = path.join(root, 'dist');
  const emitted = path.join(root, 'build', `dist-${process.pid}`);
  // Before they are read: what changes meanwhile makes the stamp wrong, and not the program.
  const stamp = sourcesDigest(root);
  try {
    await emit(emitted, onOutput);
    const modules = filesBelow(emitted).map((file) => ({ file, text: readFileSync(path.join(emitted, file), 'utf8') }));
    const files = [
      ...modules.map(({ file, text }) => ({ file, text: finish(file, text) })),
      ...(await bundleProgram(emitted)),
      { file: path.posix.relative('dist', stampFile), text: `${stamp}\n` },
    ];
    rmSync(path.join(root, stampFile), { force: true });
    for (const { file, text } of files) replace(path.join(target, file), text);
    const bytes = files.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
    const kept = new Set(files.map(({ file }) => file));
    for (const file of filesBelow(target)) {
      if (!kept.has(file) && !file.endsWith('.part')) rmSync(path.join(target, file), { force: true });
    }
    const tasks = `${JSON.stringify(await packagedTasks())}\n`;
    replace(path.join(root, 'build', 'tasks.json'), tasks);
    return [
      { file: 'dist/', bytes },
      { file: 'build/tasks.json', bytes: tasks.length },
    ];
  } catch (error) {
    if (error instanceof SelvedgeError) throw error;
    throw new SelvedgeError('build/failed', `Cannot build the package: ${messageOf(error)}`, { cause: error });
  } finally {
    rmSync(emitted, { recursive: true, force: true });
  }
}
