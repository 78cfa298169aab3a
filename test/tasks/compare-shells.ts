// Random command lines by our shell and by the real `deno task`; prints those that differ. Not a test: shell-generator.test.ts runs some.
// `node --import tsx test/tasks/compare-shells.ts [first seed] [how many]`; `--record`: writes the real one's answers to shell-generated.json.
import { writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { answerOfOurs, LineFolders, steadyAnswer } from './shell-folders.ts';
import { mayRace, scriptOfSeed } from './shell-generator.ts';
import { findDeno } from './specs.ts';

const record = process.argv.includes('--record');
const [first = 0, count = 300] = process.argv
  .slice(2)
  .filter((word) => /^\d+$/.test(word))
  .map(Number);
const deno = findDeno();
if (deno === undefined) throw new Error('No deno binary in node_modules');

const folders = new LineFolders();
const recorded: unknown[] = [];
let [differing, unsteady, refused] = [0, 0, 0];
for (let seed = first; record ? recorded.length < count : seed < first + count; seed++) {
  const script = scriptOfSeed(seed);
  const ours = await answerOfOurs(script, folders);
  let real = await steadyAnswer(deno, script, folders, record ? 3 : 1);
  const differs = !isDeepStrictEqual(ours, real);
  if (record && mayRace(script)) continue;
  if (differs && !record) real = await steadyAnswer(deno, script, folders, 4);
  if (real === undefined) unsteady++;
  else if (record) {
    // Refused lines are all alike: a fifth of the file is enough.
    const isRefused = real.code === 1 && real.stdout === '' && Object.keys(real.changes).length === 0;
    if (!isRefused || refused++ < count / 5) recorded.push([script, real]);
  } else if (differs) {
    differing++;
    console.log(
      `${seed}${mayRace(script) ? ' (may race)' : ''}: ${script}\n  deno ${JSON.stringify(real)}\n  ours ${JSON.stringify(ours)}`,
    );
  }
}
folders.remove();
if (record) {
  const lines = recorded.map((line) => `  ${JSON.stringify(line)}`).join(',\n');
  writeFileSync(new URL('shell-generated.json', import.meta.url), `[\n${lines}\n]\n`);
}
console.log(`${count} lines from seed ${first}: ${differing} differ; ${unsteady} without one answer`);
