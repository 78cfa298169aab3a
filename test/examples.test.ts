// Every example in a docstring or the README type-checks, imports only what the package exports, and runs with all of its
// assertions true. A fence of ```ts no-run marks one that takes minutes or changes the user's files: it is type-checked only.
// An example that imports nothing of ours belongs to a function that only its own folder uses: it sees its own file's exports.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sampleFolderUrl } from '../src/data/sample.ts';

interface Example {
  /** File and line of the first line of code. */
  readonly place: string;
  readonly code: string;
  readonly runs: boolean;
}

const root = fileURLToPath(new URL('..', import.meta.url));
const FENCE = /^( *(?:\* )?)```ts( no-run)?\n([\s\S]*?)^ *(?:\* )?```$/gm;

function examplesOf(file: string): Example[] {
  const source = readFileSync(path.join(root, file), 'utf8');
  return [...source.matchAll(FENCE)].map(({ index, 1: margin, 2: mark, 3: body }) => {
    const own = body!.replace(/^ *\*(?: |$)/gm, margin === '' ? '$&' : '');
    const line = source.slice(0, index).split('\n').length + 1;
    const place = `${file}:${line}`;
    return { place, code: `${importsFrom(file, source, own)}${own}\nexport {};\n`, runs: mark === undefined };
  });
}

/** Imports of what the example uses of its own file, where it says nothing of imports itself. */
function importsFrom(file: string, source: string, code: string): string {
  if (/ from '(?:selvedge[\w/]*)'/.test(code) || !file.startsWith('src/')) return '';
  const exported = [...source.matchAll(/^export (?:async )?(?:function|const|class) (\w+)/gm)].map(([, name]) => name!);
  const used = exported.filter((name) => new RegExp(`\\b${name}\\b`).test(code));
  return `import { ${used.join(', ')} } from '../../${file}';\n`;
}

const sources = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .map((file) => `src/${file.replaceAll('\\', '/')}`)
  .filter((file) => file.endsWith('.ts'))
  .sort();
const examples = [...sources, 'README.md'].flatMap(examplesOf);

// In the project, so that the package finds itself by name.
mkdirSync(path.join(root, 'build'), { recursive: true });
const folder = mkdtempSync(path.join(root, 'build', 'examples-'));
const targets = examples.map(({ place }) => path.join(folder, `${place.replace(/[^\w]/g, '-')}.ts`));
const kept = { folder: process.cwd(), data: process.env.SELVEDGE_DATA, assert: console.assert, log: console.log };

const test = suite('examples');

test.before(() => {
  examples.forEach(({ code }, i) => {
    writeFileSync(targets[i]!, code);
  });
  const settings = { extends: '../../tsconfig.json', compilerOptions: { noUnusedLocals: false }, include: ['*.ts'] };
  writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(settings));
  process.chdir(folder);
  process.env.SELVEDGE_DATA = fileURLToPath(sampleFolderUrl());
  console.log = () => {};
  console.assert = (value: unknown) => {
    if (!value) throw new Error('an assertion of the example is false');
  };
});

test.after(() => {
  console.assert = kept.assert;
  console.log = kept.log;
  if (kept.data === undefined) delete process.env.SELVEDGE_DATA;
  else process.env.SELVEDGE_DATA = kept.data;
  process.chdir(kept.folder);
  rmSync(folder, { recursive: true });
});

test('every example type-checks', () => {
  const compiler = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')));
  const { stdout, status } = spawnSync(process.execPath, [compiler, '-p', folder], { encoding: 'utf8' });
  assert.is(status, 0, stdout);
});

for (const [i, { place, runs }] of examples.entries()) {
  if (!runs) continue;
  test(`the example at ${place} runs`, async () => {
    await import(pathToFileURL(targets[i]!).href);
  });
}

test('the project has examples', () => {
  assert.ok(examples.length > 60, `found ${examples.length}`);
});

test.run();
