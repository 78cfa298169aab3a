import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  formatBytes,
  formatCount,
  formatDifference,
  formatDuration,
  formatInstant,
  formatPercent,
  formatPoints,
  formatProbability,
} from '../../src/report/format.ts';
import { escapeMarkup, printable } from '../../src/report/markup.ts';

test('formatDuration() names its two largest units and carries', () => {
  const expected: [number, string][] = [
    [0, '0 ms'],
    [999, '999 ms'],
    [1234, '1.2 s'],
    [59_960, '1 min 0 s'],
    [61_000, '1 min 1 s'],
    [3_599_700, '1 h 0 min'],
    [7_260_000, '2 h 1 min'],
  ];
  for (const [durationMs, text] of expected) assert.is(formatDuration(durationMs), text);
});

test('formatDifference() and formatPoints() show the sign, and none for nothing', () => {
  assert.is(formatDifference(0.01234), '+0.0123');
  assert.is(formatDifference(-12), '−12');
  assert.is(formatDifference(0), '0');
  assert.is(formatDifference(-0.000001), '0.0000');
  assert.is(formatPoints(-0.0058), '−0.58 points');
});

test('formatCount(), formatPercent(), formatBytes(), formatProbability(), formatInstant() write plain English', () => {
  assert.is(formatCount(60_000), '60,000');
  assert.is(formatPercent(0.92581), '92.58%');
  assert.is(formatBytes(12), '12 bytes');
  assert.is(formatBytes(8 * 2 ** 30), '8.0 GiB');
  assert.is(formatProbability(0.00001), '< 0.0001');
  assert.is(formatProbability(0.5), '= 0.5000');
  assert.is(formatInstant('2024-05-01T12:00:59.123Z'), '2024-05-01 12:00 UTC');
  assert.is(formatInstant('yesterday'), 'yesterday');
});

test('escapeMarkup() and printable() leave nothing that markup or XML would stumble over', () => {
  assert.is(escapeMarkup(`<a href="x" title='y'>&`), '&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;');
  assert.is(printable('a\u0000b\ud800c😀\n'), 'a\ufffdb\ufffdc😀\n');
});

test.run();
