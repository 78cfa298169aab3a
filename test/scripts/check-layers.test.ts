import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkMachinePaths, checkSource } from '../../scripts/check-layers.ts';

const messages = (file: string, source: string): string[] =>
  checkSource(file, source).map(({ line, message }) => `${line}: ${message}`);

const refuses = (file: string, source: string, expected: RegExp): void => {
  const found = checkSource(file, source);
  assert.is(found.length, 1, `${file}: ${JSON.stringify(found)}`);
  assert.match(found[0]!.message, expected);
};

const accepts = (file: string, source: string): void => assert.equal(messages(file, source), [], file);

test('checkSource() lets imports point back along the road', () => {
  accepts('src/backend/start.ts', "import { a } from '../core/errors.ts';\nimport { b } from './glue.ts';");
  accepts('src/cli/report.ts', "import { a } from '../report/svg.ts';\nimport { b } from '../tasks/index.ts';");
  accepts('src/backend/kernels/adam.ts', "import { a } from '../../core/errors.ts';");
  accepts('src/index.ts', "export * from './tasks/index.ts';\nexport { a } from './evaluation/index.ts';");
});

test('checkSource() refuses imports that point forward', () => {
  refuses(
    'src/core/shapes.ts',
    "import { a } from '../data/idx.ts';",
    /^cannot import "..\/data\/idx.ts": src\/core may import/,
  );
  refuses('src/data/idx.ts', "export type { A } from '../training/fit.ts';", /training/);
  refuses('src/training/fit.ts', "const a = await import('../cli/main.ts');", /cli/);
  refuses('src/models/index.ts', "type A = import('../evaluation/index.ts').Evaluation;", /evaluation/);
  refuses('src/backend/kernels/adam.ts', "import '../../data/idx.ts';", /data/);
  refuses('src/platform/node.ts', "import {\n  a,\n  b,\n} from '../backend/index.ts';", /backend/);
});

test('checkSource() lets src/edge stand on src/core alone', () => {
  accepts('src/edge/classifier.ts', "import { a } from '../core/errors.ts';");
  accepts('src/cli/export.ts', "import { a } from '../edge/index.ts';");
  refuses('src/edge/classifier.ts', "import { a } from '../platform/index.ts';", /may import core$/);
  refuses('src/edge/classifier.ts', "import type { A } from '../backend/index.ts';", /may import core$/);
  refuses('src/edge/classifier.ts', 'const a = Math.exp(1);', /"Math.exp" is forbidden/);
});

test('checkSource() names the line of a violation', () => {
  assert.is(checkSource('src/core/a.ts', "\n\nimport { a } from '../data/idx.ts';")[0]!.line, 3);
});

test('checkSource() holds report and tasks beside the road', () => {
  accepts('src/report/svg.ts', "import { a } from '../core/errors.ts';");
  refuses('src/report/svg.ts', "import { a } from '../data/idx.ts';", /may import core, platform/);
  refuses('src/tasks/shell.ts', "import { a } from '../report/svg.ts';", /may import core, platform/);
  refuses('src/evaluation/evaluate.ts', "import { a } from '../report/svg.ts';", /report/);
});

test('checkSource() refuses even types from outside src/, which the package would not hold', () => {
  refuses('src/cli/bench.ts', "import type { Benchmark } from '../../bench/benchmark.ts';", /outside src/);
  refuses('src/cli/bench.ts', "import { benchmarks } from '../../bench/index.ts';", /outside src/);
  refuses('src/data/idx.ts', "import type { Benchmark } from '../../bench/benchmark.ts';", /outside src/);
});

test('checkSource() refuses the package by name and the public face inside src/', () => {
  refuses('src/data/idx.ts', "import { a } from 'selvedge';", /inside src/);
  refuses('src/data/idx.ts', "import { a } from '../index.ts';", /public face/);
});

test('checkSource() keeps modules and globals of a runtime in src/platform/', () => {
  accepts('src/platform/node.ts', "import os from 'node:os';\nprocess.exit(1);");
  refuses('src/data/idx.ts', "import os from 'node:os';", /only src\/platform/);
  refuses('src/data/idx.ts', "import { readFile } from 'fs/promises';", /only src\/platform/);
  refuses('src/data/idx.ts', 'const home = process.env.HOME;', /"process" belongs to a runtime/);
  refuses('src/cli/main.ts', "const a = Buffer.from('a');", /"Buffer"/);
  accepts('src/data/idx.ts', 'const { process } = image; image.process(1);');
});

test('checkSource() refuses inexact arithmetic where weights are decided', () => {
  for (const call of [
    'random',
    'exp',
    'expm1',
    'log',
    'log1p',
    'log2',
    'sin',
    'tanh',
    'pow',
    'cbrt',
    'hypot',
    'atan2',
  ]) {
    refuses('src/training/fit.ts', `const a = Math.${call}(0.5);`, new RegExp(`"Math.${call}" is forbidden`));
  }
  refuses('src/data/split.ts', 'const a = 2 ** 0.5;', /"\*\*"/);
  refuses('src/data/split.ts', 'a **= 2;', /"\*\*="/);
  refuses('src/core/philox.ts', "const a = Math['exp'](1);", /"Math\["/);
  refuses('src/core/philox.ts', 'const { exp } = Math;', /"Math" is forbidden/);
  refuses('src/models/initialize.ts', 'const f = [1].map(Math\n  .log);', /"Math.log"/);
});

test('checkSource() accepts exact arithmetic, and any elsewhere', () => {
  accepts('src/training/fit.ts', 'Math.sqrt(Math.imul(Math.fround(1), Math.floor(2)) + Math.PI + Math.max(1, 2));');
  accepts('src/evaluation/statistics.ts', 'Math.exp(2 ** 3);');
  accepts('src/report/charts.ts', 'Math.log10(3);');
});

test('checkSource() reads neither comments nor strings', () => {
  accepts(
    'src/training/fit.ts',
    "// Math.random() and 2 ** 3\n/** import { a } from '../cli/main.ts'; */\nconst a = 'x ** y';",
  );
  accepts('src/core/errors.ts', ' * import { a } from "selvedge"'.replace(/^/, '/*').concat('*/'));
  accepts('src/core/errors.ts', "const advice = `write import { a } from '../data/idx.ts'`;");
});

test('checkSource() refuses a folder that the house does not have', () => {
  refuses('src/utils/strings.ts', '', /no folder of the house/);
});

test('checkMachinePaths() refuses homes, the work folder and the root', () => {
  const folder = (...parts: string[]): string => ['', ...parts].join('/');
  const root = folder('builds', 'project');
  for (const bad of [
    folder('home', 'ada', 'data'),
    folder('Users', 'ada'),
    folder('root', 'data'),
    folder('work', 'main'),
    folder('builds', 'project', 'src'),
    `file://${folder('home', 'ada')}`,
    ['C:', 'Users', 'ada'].join('\\'),
  ]) {
    for (const text of [bad, `a\n"${bad}"`, `(${bad})`]) {
      assert.is(checkMachinePaths('a.md', text, root).length, 1, text);
    }
  }
  assert.is(checkMachinePaths('a.md', `a\n\n${folder('home', 'ada')}`, root)[0]!.line, 3);
});

test('checkMachinePaths() accepts places that every machine has, and relative paths', () => {
  const root = ['', 'app'].join('/');
  const text = '/usr/share/datasets, src/home/a.ts, ../root/b, https://a.org/home/b, /tmp, /app/a, ~/.cache';
  assert.equal(checkMachinePaths('a.md', text, root), []);
});

test.run();
