import { existsSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { entries, shortForm } from '../../scripts/runtimes/index.ts';
import { missingBinary } from '../../scripts/runtimes/processes.ts';
import { nodesFolder, pinnedVersions, runtimesFolder } from '../../scripts/runtimes/runtime.ts';
import { describeFindings, type Findings, tableOf } from '../../scripts/runtimes/table.ts';
import { judgeOutput } from '../../scripts/runtimes/verdict.ts';
import { choose } from '../../scripts/test-runtimes.ts';

const names = entries.map(({ name }) => name);

test('entries names each runtime once, and what is missing says why', () => {
  assert.is(new Set(names).size, names.length);
  for (const name of ['node-20', 'node-22', 'node-24', 'node-26', 'bun', 'deno']) assert.ok(names.includes(name), name);
  for (const entry of entries) {
    const reason = entry.missing();
    assert.ok(reason === undefined || reason.length > 0, entry.name);
  }
});

test('pinnedVersions() reads the version behind an alias', () => {
  assert.match(pinnedVersions(`${nodesFolder}/package.json`)['node-26']!, /^26\.\d+\.\d+$/);
  assert.match(pinnedVersions(`${runtimesFolder}/package.json`).bun!, /^\d+\.\d+\.\d+$/);
});

test('missingBinary() says why a program cannot be had', () => {
  assert.is(missingBinary({ binary: process.execPath }), undefined);
  assert.match(missingBinary({ binary: undefined })!, 'no package holds its binary');
  assert.match(missingBinary({ binary: '/nowhere/node' })!, /nowhere\/node is not there$/);
  assert.ok(existsSync(process.execPath));
});

test('choose() takes parts of names and refuses what it does not know', () => {
  assert.equal(
    choose(['node-2']).wanted.map(({ name }) => name),
    names.filter((name) => name.includes('node-2')),
  );
  assert.is(choose([]).wanted.length, entries.length);
  assert.is(choose(['--full', 'bun']).form.images, 12_345);
  const short = choose(['--ci']);
  assert.is(short.mayBeMissing, false);
  assert.ok(short.wanted.every(({ name }) => shortForm.includes(name)));
  assert.throws(() => choose(['--fast']), /Unknown option "--fast": expected --full, --ci, --save/);
  assert.throws(() => choose(['--ci', '--full']), /choose one/);
  assert.throws(() => choose(['netscape']), /No runtime has "netscape" in its name: expected node-20, /);
});

test('judgeOutput() reads counts and the summary of uvu, and never takes a broken command for a good one', () => {
  assert.equal(judgeOutput(0, 'x\n3 passed, 0 failed\n'), { passed: 3, failed: 0 });
  assert.equal(judgeOutput(1, '3 passed, 2 failed\n'), { passed: 3, failed: 2 });
  assert.equal(judgeOutput(1, '3 passed, 0 failed\n'), { passed: 3, failed: 1 });
  assert.equal(judgeOutput(null, '3 passed, 0 failed\n'), { passed: 3, failed: 1 });
  assert.equal(judgeOutput(0, '0 passed, 0 failed\n'), { passed: 0, failed: 1 });
  assert.is(judgeOutput(0, 'nothing').failed, 1);
  assert.equal(judgeOutput(0, '  Total:     2\n  Passed:    2\n  Skipped:   0\n'), { passed: 2, failed: 0 });
});

const findings = (problems: string[]): Findings => ({
  entry: entries.find(({ name }) => name === 'bun')!,
  passed: 12,
  problems,
  bits: { 'fingerprint of dropout': 'ab'.repeat(32) },
  ways: ['2 threads'],
  version: '1.4.5',
  starts: 'simd x1',
  machine: 'a processor',
  kernels: 'cd'.repeat(32),
});

test('describeFindings() is a line with the version of the runtime, and below it what is wrong', () => {
  const text = describeFindings(findings(['first\nsecond']), 3);
  assert.match(text, /^FAILED {2}bun +12 passed +3\.0 s {2}1\.4\.5; simd x1; /);
  assert.match(text, 'dropout abababababab');
  assert.ok(text.endsWith('\n        first\n        second'));
  assert.match(describeFindings(findings([]), 3), /^ok {6}bun/);
});

test('tableOf() says how it was made, and has a row a runtime and a command', () => {
  const command = { kind: 'command', name: 'example', missing: () => undefined, command: 'x', args: [] } as const;
  const found = [findings([]), { entry: command, passed: 2, problems: [], bits: {}, ways: [] }];
  const table = tableOf(found, { data: 'whole', images: 12_345 }, ['--full', '--save']);
  assert.match(table, 'npm run test:runtimes -- --full --save` on a processor; kernels sha256 cdcdcdcdcdcd');
  assert.match(table, 'two epochs of 12,345 images,');
  assert.match(table, /^\| bun \| 1\.4\.5 \| simd x1 \| 12 \| 0 \| .*abababababab.* \| 2 threads \|$/m);
  assert.match(table, '| example | 2 | 0 |');
});

test.run();
