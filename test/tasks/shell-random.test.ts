// 300 random command lines: exit code, output and files as the real `deno task` 2.9.5 left them; and the real one again where npm has
// installed it. SELVEDGE_UPDATE_SPECS=1 asks it anew: lines that it answers differently three times, or never, are passed over.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, contentOf, makeScratch, runInDeno, runInOurs } from './shell-folder.ts';
import { randomLine } from './shell-generator.ts';
import { findDeno } from './specs.ts';

const COUNT = 300;
const place = new URL('shell-random.json', import.meta.url);

interface Recorded {
  readonly script: string;
  readonly code: number;
  readonly stdout: string;
  /** What the line changed: new content, or null for what is gone. */
  readonly changed: Readonly<Record<string, string | null>>;
}

const scratch = makeScratch();
const untouched = contentOf(scratch.fresh('untouched'));
test.after(() => scratch.remove());

function changesIn(folder: string): Recorded['changed'] {
  const now = contentOf(folder);
  const names = [...new Set([...Object.keys(untouched), ...Object.keys(now)])].sort();
  return Object.fromEntries(
    names.filter((name) => now[name] !== untouched[name]).map((name) => [name, now[name] ?? null]),
  );
}

async function record(script: string, run: (folder: string) => Promise<Answer | undefined>) {
  const folder = scratch.fresh('line');
  const answer = await run(folder);
  const changed = changesIn(folder);
  rmSync(folder, { recursive: true });
  return answer && { script, code: answer[0], stdout: answer[1], changed };
}

const deno = findDeno();
const byDeno = (script: string) => record(script, (folder) => runInDeno(deno!, script, folder));

if (process.env.SELVEDGE_UPDATE_SPECS === '1' && deno !== undefined) {
  const recorded: Recorded[] = [];
  for (let seed = 0; recorded.length < COUNT; seed++) {
    const script = randomLine(seed);
    const answers = [await byDeno(script), await byDeno(script), await byDeno(script)];
    if (answers[0] && answers.every((answer) => JSON.stringify(answer) === JSON.stringify(answers[0]))) {
      recorded.push(answers[0]);
    }
  }
  writeFileSync(place, `[\n${recorded.map((line) => `  ${JSON.stringify(line)}`).join(',\n')}\n]\n`);
}

const recorded = JSON.parse(readFileSync(place, 'utf8')) as Recorded[];

test(`${COUNT} random lines do as recorded`, async () => {
  assert.is(recorded.length, COUNT);
  const wrong: unknown[] = [];
  for (const line of recorded) {
    const ours = await record(line.script, (folder) => runInOurs(line.script, folder));
    if (JSON.stringify(ours) !== JSON.stringify(line)) wrong.push([line, ours]);
  }
  assert.equal(wrong, []);
});

if (deno !== undefined) {
  test('deno task does as recorded', async () => {
    const wrong: unknown[] = [];
    let unanswered = 0;
    for (const line of recorded) {
      // Its pipes break, or wait for ever, now and then where a reader ends before the writer.
      let answer = await byDeno(line.script);
      if (JSON.stringify(answer) !== JSON.stringify(line)) answer = await byDeno(line.script);
      if (answer === undefined) unanswered++;
      else if (JSON.stringify(answer) !== JSON.stringify(line)) wrong.push([line, answer]);
    }
    assert.equal(wrong, []);
    assert.ok(unanswered <= COUNT / 50, `${unanswered} lines did not end`);
  });
}

test.run();
