// Our runner against the golden cases, and the golden cases against the real deno where npm has installed it.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findDeno, type Outcome, readSpec, runSpec, runWithDeno, runWithOurs, specNames, writeSpec } from './specs.ts';

// What npm and a developer's shell set would reach our runner, which runs in this process.
for (const name of ['INIT_CWD', 'DENO_JOBS', 'MODE', 'OTHER']) delete process.env[name];

const deno = findDeno();
const update = process.env.SELVEDGE_UPDATE_SPECS === '1';

if (deno === undefined) {
  console.log('No deno binary in node_modules: only the recorded expectations are checked, not deno itself');
}

const show = (name: string, index: number, args: readonly string[]): string =>
  `${name}, step ${index + 1}: task ${args.join(' ')}`;

for (const name of specNames()) {
  const spec = readSpec(name);
  const expected = (): Outcome[] =>
    readSpec(name).steps.map(({ code, stdout, stderr }) => ({ code: code!, stdout: stdout!, stderr: stderr! }));

  if (deno !== undefined) {
    test(`deno task does as recorded: ${name}`, async () => {
      const outcomes = await runSpec(name, spec, runWithDeno(deno));
      if (update) {
        writeSpec(name, { ...spec, steps: spec.steps.map((step, index) => ({ ...step, ...outcomes[index] })) });
      }
      expected().forEach((outcome, index) => {
        assert.equal(outcomes[index], outcome, show(name, index, spec.steps[index]!.args));
      });
    });
  }

  test(`runTaskCommand() does as deno task: ${name}`, async () => {
    const outcomes = await runSpec(name, spec, runWithOurs);
    expected().forEach((outcome, index) => {
      assert.equal(outcomes[index], outcome, show(name, index, spec.steps[index]!.args));
    });
  });
}

test.run();
