// What package.json says of the package, against what is in the checkout. The package itself, packed and installed, is the business of
// `npm run test:package`.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { finish } from '../scripts/build-package.ts';
import { TFJS_VERSION } from '../src/backend/start.ts';
import { version } from '../src/core/version.ts';
import { engineFiles } from '../src/platform/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const readJson = (file: string) => JSON.parse(readFileSync(path.join(root, file), 'utf8'));

interface PackageFile {
  readonly version: string;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly imports: Readonly<Record<'#platform', Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional: boolean }>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}
const packageFile = readJson('package.json') as PackageFile;

const namesOf = (file: string): string => /^(?:@[^/]+\/)?[^/]+/.exec(file)![0];

/** Paths of the files that the package would hold, by npm's own word. */
function packedFiles(): string[] {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const { stdout } = spawnSync('npm', args, { cwd: root, encoding: 'utf8', shell: process.platform === 'win32' });
  const [packed] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  return packed.files.map((file) => file.path);
}

/** Packages that compiled modules import, by whoever imports them. */
function importedPackages(): Map<string, string> {
  const found = new Map<string, string>();
  for (const file of readdirSync(path.join(root, 'dist'), { recursive: true, encoding: 'utf8' })) {
    if (!/\.js$/.test(file)) continue;
    const code = readFileSync(path.join(root, 'dist', file), 'utf8').replace(/^\s*(?:\/\/|\/?\*).*$/gm, '');
    for (const [, specifier] of code.matchAll(/(?:(?<!distinct )\bfrom |^import |\bimport\()'([^'.#][^']*)'/gm)) {
      if (!specifier!.startsWith('node:')) found.set(namesOf(specifier!), file);
    }
  }
  return found;
}

test('version is that of package.json and of the lock file', () => {
  assert.is(version, packageFile.version);
  assert.is(readJson('package-lock.json').packages[''].version, version);
});

test('CHANGELOG tells of this version', () => {
  assert.match(readFileSync(path.join(root, 'CHANGELOG.md'), 'utf8'), `## ${version}`);
});

test('exports of package.json mirror the folders that have an index', () => {
  const ours = ['cli', 'platform'];
  const folders = readdirSync(path.join(root, 'src'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !ours.includes(entry.name))
    .map(({ name }) => name)
    .sort();
  const compiled = (folder: string) => ({ types: `./dist/${folder}index.d.ts`, default: `./dist/${folder}index.js` });
  // What of a use runs on edge runtimes, too.
  const uses = readdirSync(path.join(root, 'src/apps')).filter((name) =>
    existsSync(path.join(root, 'src/apps', name, 'portable.ts')),
  );
  const use = (name: string) => ({
    types: `./dist/apps/${name}/portable.d.ts`,
    default: `./dist/apps/${name}/portable.js`,
  });
  const expected = Object.fromEntries([
    ['.', compiled('')],
    ...folders.map((name) => [`./${name}`, compiled(`${name}/`)]),
    ...uses.map((name) => [`./apps/${name}`, use(name)]),
    ['./browser', { types: './dist/cli/browser.d.ts', default: './dist/cli/browser.js' }],
    ['./serve/local', { types: './dist/serve/local.d.ts', default: './dist/serve/local.js' }],
    ...['./build/*', './assets/*', './package.json'].map((name) => [name, name]),
  ]);
  assert.equal(packageFile.exports, expected);
  for (const target of Object.values(packageFile.exports)) {
    for (const file of typeof target === 'string' ? [] : Object.values(target)) {
      assert.ok(existsSync(path.join(root, file)), file);
    }
  }
});

test('the public face holds what every folder exports, but for the HTTP app and the commands', async () => {
  const everything = (await import('selvedge')) as Record<string, unknown>;
  for (const [name, target] of Object.entries(packageFile.exports)) {
    if (typeof target === 'string' || /^\.\/(?:serve|browser)/.test(name)) continue;
    const part = (await import(name.replace('.', 'selvedge'))) as Record<string, unknown>;
    for (const [key, value] of Object.entries(part)) assert.is(everything[key], value, `${key} of ${name}`);
  }
});

test('the compiled face exports what that of the sources does', async () => {
  const [compiled, source] = await Promise.all([import('selvedge'), import('../src/index.ts')]);
  assert.equal(Object.keys(compiled).sort(), Object.keys(source).sort());
});

test('every condition of #platform is a compiled module that exports a platform', () => {
  for (const [condition, file] of Object.entries(packageFile.imports['#platform'])) {
    assert.match(readFileSync(path.join(root, file), 'utf8'), /^export const platform\b/m, condition);
  }
});

test('the package holds modules with their declarations, engine files, assets, and no sources', () => {
  const files = packedFiles();
  for (const name of engineFiles) assert.ok(files.includes(`build/${name}`), name);
  assert.ok(files.includes('build/NOTICE.txt'), 'whose work the WebAssembly of others is');
  assert.ok(files.includes('bin/selvedge.js'));
  assert.ok(files.includes('assets/sample/t10k-images-idx3-ubyte.gz'));
  assert.ok(files.some((file) => /^assets\/models\/dropout\/.*\.bin$/.test(file)));
  const modules = files.filter((file) => file.startsWith('dist/') && file.endsWith('.js'));
  assert.ok(modules.length > 100, `${modules.length} modules`);
  // The command line is nobody's to import.
  const importable = modules.filter((file) => !file.startsWith('dist/program/'));
  for (const file of importable) assert.ok(files.includes(file.replace(/\.js$/, '.d.ts')), `declarations of ${file}`);
  const plain = /^(?:LICENSE|README\.md|CHANGELOG\.md|package\.json)$/;
  const known =
    /^(?:assets\/.+|bin\/selvedge\.js|build\/[\w-]+\.(?:wasm|js|json|txt)|dist\/.+\.(?:d\.ts|js)|docs\/results\/(?:distilled\/classification|[\w-]+)\.json|docs\/results\/tuning\/[\w-]+\.jsonl)$/;
  const strays = files.filter((file) => !plain.test(file) && !known.test(file));
  assert.equal(strays, []);
});

test('dependencies are what the modules import', () => {
  const imported = importedPackages();
  const { dependencies, optionalDependencies, peerDependencies } = packageFile;
  const declared = { ...dependencies, ...optionalDependencies, ...peerDependencies };
  for (const [name, file] of imported) assert.ok(name in declared, `dist/${file} imports "${name}"`);
  // The WebAssembly of the first is copied into build/; the others are opened by name, so that who has them not is told what to install.
  const byOtherWays = ['@jsquash/png', ...Object.keys(packageFile.peerDependenciesMeta)];
  for (const name of Object.keys(declared)) {
    if (!byOtherWays.includes(name)) assert.ok(imported.has(name), `no module imports "${name}"`);
  }
});

test('peers are exact, of the version that the project is developed with; all but tfjs are optional', () => {
  for (const [name, wanted] of Object.entries(packageFile.peerDependencies)) {
    assert.match(wanted, /^\d+\.\d+\.\d+$/, name);
    assert.is(packageFile.devDependencies[name], wanted, name);
    const isTfjs = name.startsWith('@tensorflow/');
    if (isTfjs) assert.is(wanted, TFJS_VERSION, name);
    assert.is(packageFile.peerDependenciesMeta[name]?.optional === true, !isTfjs, name);
  }
});

test('finish() names what conditions choose, in the modules that import it', () => {
  const source = "export { platform } from './detect.js';\n";
  assert.is(finish('platform/index.js', source), "export { platform } from '#platform';\n");
  assert.is(finish('platform/index.d.ts', source), source);
  assert.is(finish('backend/index.js', source), source);
});

test('finish() gives declarations the extension of modules', () => {
  const source =
    "import type { A } from \"./a.ts\";\nexport declare const b: import('../b/index.ts').B; // from 'c.ts'\n";
  const expected = source.replace('a.ts"', 'a.js"').replace('index.ts', 'index.js');
  assert.is(finish('core/index.d.ts', source), expected);
});

test.run();
