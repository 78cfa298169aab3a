// The launchers, each by a checker of its own system; where systemd or shellcheck are not installed, a line says so.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { validate } from 'dockerfile-utils';
import { Job } from 'kubernetes-models/batch/v1';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';

const test = suite('launchers');
const at = (name: string): string => fileURLToPath(new URL(`../../launchers/${name}`, import.meta.url));

/** What a checker says; undefined where it is absent. */
function check(program: string, ...args: string[]): { code: number | null; text: string } | undefined {
  const { error, status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 60_000 });
  if (!error) return { code: status, text: stdout + stderr };
  console.log(`${program} is absent: ${args.at(-1)} is not checked by it`);
  return undefined;
}

test('every launcher starts selvedge worker on a queue that its environment names', () => {
  for (const name of ['Containerfile', 'selvedge-worker.service', 'selvedge-worker.slurm']) {
    assert.match(readFileSync(at(name), 'utf8'), /npx selvedge worker --queue .*SELVEDGE_QUEUE/);
  }
  assert.match(readFileSync(at('selvedge-worker.yaml'), 'utf8'), /name: SELVEDGE_QUEUE/);
});

test('systemd takes the unit', () => {
  const told = check('systemd-analyze', 'verify', at('selvedge-worker.service'));
  if (told) assert.not.match(told.text, /selvedge-worker\.service:/);
});

test('bash and shellcheck take the script of Slurm', () => {
  const name = at('selvedge-worker.slurm');
  for (const told of [check('bash', '-n', name), check('shellcheck', '--shell=bash', name)]) {
    if (told) assert.is(told.code, 0, told.text);
  }
});

test('the Job is one by the schema of Kubernetes, and would not be with a word for a number', () => {
  const job = () => parse(readFileSync(at('selvedge-worker.yaml'), 'utf8'));
  new Job(job()).validate();
  const { spec, ...rest } = job();
  assert.throws(() => new Job({ ...rest, spec: { ...spec, parallelism: 'many' } }).validate(), /must be integer/);
});

test('dockerfile-utils has nothing to say of the Containerfile, and would of a misspelt one', () => {
  const text = readFileSync(at('Containerfile'), 'utf8');
  assert.equal(validate(text), []);
  assert.is(validate(text.replace('WORKDIR', 'WORKDIRR')).length, 1);
});

test.run();
