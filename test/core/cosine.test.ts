import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cosineOfHalfTurn } from '../../src/core/cosine.ts';

test('cosineOfHalfTurn() is within 1e-15 of the cosine, odd about the middle to the bit, and exact at both ends', () => {
  for (let i = 0; i <= 10_000; i++) {
    const x = i / 10_000;
    assert.ok(Math.abs(cosineOfHalfTurn(x) - Math.cos(Math.PI * x)) < 1e-15, `${x}`);
    if (x !== 0.5) assert.is(cosineOfHalfTurn(1 - x), -cosineOfHalfTurn(1 - (1 - x)), `${x}`);
  }
  assert.equal([0, 1].map(cosineOfHalfTurn), [1, -1]);
});

test.run();
