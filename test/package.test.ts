import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { version } from '../src/core/version.ts';
import * as everything from '../src/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const readJson = (file: string) => JSON.parse(readFileSync(path.join(root, file), 'utf8'));

interface PackageFile {
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
}
const packageFile = readJson('package.json') as PackageFile;

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
    .map(({ name }) => name);
  const expected = Object.fromEntries([
    ['.', './src/index.ts'],
    ...folders.map((name) => [`./${name}`, `./src/${name}/index.ts`]),
    ['./package.json', './package.json'],
  ]);
  assert.equal(packageFile.exports, expected);
  for (const file of Object.values(packageFile.exports)) assert.ok(existsSync(path.join(root, file)), file);
});

test('the public face holds what every folder exports', async () => {
  for (const [name, file] of Object.entries(packageFile.exports)) {
    if (!file.endsWith('index.ts')) continue;
    const part = (await import(name.replace('.', 'selvedge'))) as Record<string, unknown>;
    for (const [key, value] of Object.entries(part)) {
      assert.is((everything as Record<string, unknown>)[key], value, `${key} of ${name}`);
    }
  }
});

test.run();
