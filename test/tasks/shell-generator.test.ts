// Our shell against the real one on lines drawn from seeds: 300 with the recorded answers of `deno task` 2.9.5, and others live where a deno
// of that version can be had. Compared: code, standard output, whether there are errors, and what is left in the folder.
// Record anew: `node --import tsx test/tasks/compare-shells.ts --record`, after any change of shell-generator.ts.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, answerOfOurs, LineFolders, steadyAnswer } from './shell-folders.ts';
import { mayRace, scriptOfSeed } from './shell-generator.ts';
import { findDeno } from './specs.ts';

type Recorded = readonly [script: string, answer: Answer];
const recorded = JSON.parse(readFileSync(new URL('shell-generated.json', import.meta.url), 'utf8')) as Recorded[];
const folders = new LineFolders();
test.after(() => folders.remove());

/** Others than those recorded. What a race decides (`mayRace`) and where the real one breaks is not compared. */
const LIVE_SEEDS = { first: 500_000, count: 200 };

test('scriptOfSeed() gives the same line for the same seed, and many lines', () => {
  assert.is(scriptOfSeed(7), scriptOfSeed(7));
  assert.is(new Set(Array.from({ length: 100 }, (_, seed) => scriptOfSeed(seed))).size > 95, true);
});

test(`taskShell() gives what deno task gave for ${recorded.length} lines of the generator`, async () => {
  const wrong: unknown[] = [];
  for (const [script, answer] of recorded) {
    const ours = await answerOfOurs(script, folders);
    if (!isDeepStrictEqual(ours, answer)) wrong.push([script, answer, ours]);
  }
  assert.equal(wrong, []);
});

/** The deno of node_modules, else of the path, where it is of 2.9 or later. */
function recentDeno(): string | undefined {
  const onPath = (process.env.PATH ?? '').split(path.delimiter).map((folder) => path.join(folder, 'deno'));
  return [findDeno(), ...onPath].find((deno) => {
    if (deno === undefined || !existsSync(deno)) return false;
    const [, major, minor] =
      /^deno (\d+)\.(\d+)/.exec(spawnSync(deno, ['--version'], { encoding: 'utf8' }).stdout) ?? [];
    return Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 9);
  });
}

const deno = recentDeno();
if (deno === undefined) console.log('No deno 2.9 or later: only recorded answers are compared');
else {
  test(`taskShell() does what deno task does, now, for ${LIVE_SEEDS.count} other lines of the generator`, async () => {
    const wrong: unknown[] = [];
    for (let seed = LIVE_SEEDS.first; seed < LIVE_SEEDS.first + LIVE_SEEDS.count; seed++) {
      const script = scriptOfSeed(seed);
      const [ours, first] = await Promise.all([answerOfOurs(script, folders), steadyAnswer(deno, script, folders, 1)]);
      if (first === undefined || isDeepStrictEqual(ours, first)) continue;
      const real = await steadyAnswer(deno, script, folders, 4);
      if (real !== undefined && !mayRace(script) && !isDeepStrictEqual(await answerOfOurs(script, folders), real)) {
        wrong.push([seed, script, real, ours]);
      }
    }
    assert.equal(wrong, []);
  });
}

test.run();
