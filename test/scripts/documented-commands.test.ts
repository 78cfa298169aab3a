// What documents tell a reader to type exists: scripts of npm, tasks, commands, their options, and files that node is to run; so do the
// neighbours that the head of a source names.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { commands } from '../../src/cli/commands.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const documentsIn = (folder: string): string[] =>
  readdirSync(path.join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join(folder, name));
const documents = ['.', 'docs', 'bench', 'examples', 'web'].flatMap(documentsIn);

interface Documented {
  readonly document: string;
  /** What stands behind the beginning that was looked for. */
  readonly rest: string;
}

/** Commands that begin so, in code between backticks or in fences: each to its end, or to where a shell takes up another. */
function documented(beginning: string): Documented[] {
  const pattern = new RegExp(`(?<![\\w./-])${beginning} ([^\\n\`&|;#>)]+)`, 'g');
  return documents.flatMap((document) => {
    const text = read(document);
    const code = [...text.matchAll(/^```[\s\S]*?^```$|`[^`\n]+`/gm)].map(([span]) => span.replaceAll('\\\n', ' '));
    return code.flatMap((span) => [...span.matchAll(pattern)].map((found) => ({ document, rest: found[1]!.trim() })));
  });
}

const firstWord = (rest: string): string => rest.split(/\s/)[0]!;

test('scripts of npm and tasks that are named exist', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: object };
  const { tasks } = JSON.parse(read('deno.json')) as { tasks: object };
  const ran = documented('npm run(?: -s)?');
  const asked = documented('(?:selvedge|deno) task');
  assert.ok(ran.length > 20 && asked.length > 5, 'documents have them');
  for (const { document, rest } of ran) assert.ok(firstWord(rest) in scripts, `${document}: npm run ${rest}`);
  for (const { document, rest } of asked) {
    const name = firstWord(rest);
    if (!/^[A-Z-]/.test(name)) assert.ok(name in tasks, `${document}: task ${rest}`);
  }
});

test('files that node is told to run exist', () => {
  const ran = documented('node --import tsx');
  assert.ok(ran.length > 10, 'documents have them');
  for (const { document, rest } of ran) assert.ok(existsSync(path.join(root, firstWord(rest))), `${document}: ${rest}`);
});

test('commands and options that are named exist', () => {
  const common = ['json', 'verbose', 'help'];
  let options = 0;
  for (const { document, rest } of documented('(?:npx selvedge|npm run -s selvedge --|selvedge)')) {
    const [name, ...words] = rest.split(/\s+/);
    const found = commands.find((command) => command.name === name);
    if (!found) {
      assert.match(name!, /^(COMMAND|--\w+)$/, `${document}: selvedge ${rest}`);
      continue;
    }
    if (found.passesArguments) continue;
    for (const word of words.filter((each) => each.startsWith('--'))) {
      const option = word
        .slice(2)
        .split('=')[0]!
        .replace(/[,.:…]+$/, '');
      const negated = option.replace(/^no-/, '');
      const known = [...Object.keys(found.args), ...common];
      assert.ok(option === '' || known.includes(option) || known.includes(negated), `${document}: selvedge ${rest}`);
      options++;
    }
  }
  assert.ok(options > 100, `${options} options are checked`);
});

test('neighbours that the head of a source names exist', () => {
  const sourcesIn = (folder: string): string[] =>
    readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const file = path.join(folder, entry.name);
      if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : sourcesIn(file);
      return /\.tsx?$/.test(file) ? [file] : [];
    });
  const sources = ['src', 'assembly', 'bench', 'scripts', 'test', 'web/src'].flatMap(sourcesIn);
  const names = new Set(sources.map((file) => path.basename(file)));
  let named = 0;
  for (const file of sources) {
    const [head] = read(file).match(/^(?:\/\/.*\n)*/)!;
    for (const [name] of head.matchAll(/(?<![\w./*-])[a-z][\w-]*\.tsx?\b/g)) {
      assert.ok(names.has(name), `${file}: ${name}`);
      named++;
    }
  }
  assert.ok(named > 300, `${named} names are checked`);
});

test.run();
