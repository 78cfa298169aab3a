import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { judgeFile, judgeSuite } from '../../scripts/run-tests.ts';

const printed = (total: number, passed: number, skipped = 0): string =>
  `• •   (${passed} / ${total})\n\n  Total:     ${total}\n  Passed:    ${passed}\n  Skipped:   ${skipped}\n  Duration:  3.20ms\n`;

test('judgeFile() counts the tests that passed', () => {
  assert.equal(judgeFile({ code: 0, output: printed(12, 12) }), { passed: 12, failed: 0 });
});

test('judgeFile() counts the tests that failed', () => {
  assert.equal(judgeFile({ code: 1, output: printed(12, 9) }), { passed: 9, failed: 3, problem: '3 failed' });
});

test('judgeFile() fails a file that ran no test, that skipped one, or that broke off', () => {
  assert.equal(judgeFile({ code: 0, output: '' }), { passed: 0, failed: 1, problem: 'ran no test' });
  assert.equal(judgeFile({ code: 0, output: printed(0, 0) }), { passed: 0, failed: 1, problem: 'ran no test' });
  assert.equal(judgeFile({ code: 0, output: printed(3, 2, 1) }), { passed: 2, failed: 1, problem: '1 skipped' });
  assert.equal(judgeFile({ code: 7, output: 'SyntaxError' }), { passed: 0, failed: 1, problem: 'ended with code 7' });
  assert.equal(judgeFile({ code: 1, output: printed(3, 3) }), { passed: 3, failed: 1, problem: 'ended with code 1' });
});

test('judgeFile() fails a file that did not end in time', () => {
  assert.match(judgeFile({ code: undefined, output: printed(3, 3) }).problem!, /no end in time/);
});

test('judgeSuite() repeats the line of tfjs-core suite and counts its failures', () => {
  const line = 'tfjs-core suite on wasm (2 threads): 4230 specs, 0 failed, 0 excluded, 15 that tfjs itself skips';
  assert.equal(judgeSuite({ code: 0, output: `a\n${line}\n` }), { passed: 0, failed: 0, summary: line });
  const broken = line.replace('0 failed', '4 failed');
  assert.equal(judgeSuite({ code: 1, output: broken }), {
    passed: 0,
    failed: 4,
    problem: 'ended with code 1',
    summary: broken,
  });
  assert.is(judgeSuite({ code: 0, output: '' }).failed, 1);
});

test.run();
