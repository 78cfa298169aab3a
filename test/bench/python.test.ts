// Which Python the peers take: the one that is named, or an error that says what it lacks.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { keras, pytorch } from '../../bench/peers/catalog.ts';
import { SelvedgeError } from '../../src/core/errors.ts';

test('find() refuses an interpreter that is not there, and one that is no Python with a peer', async () => {
  for (const peer of [pytorch, keras])
    for (const [path, said] of [
      ['/nowhere/python3', /there is no such file$/],
      [process.execPath, /it is no Python that has NumPy and torch, or NumPy, keras and tensorflow$/],
    ] as const) {
      const error = await peer.find(path).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof SelvedgeError && error.code === 'bench/python');
      assert.match(error.message, said);
    }
});

test.run();
