// Where the calibration of a model of the user's is kept, whichever form the model has.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { calibrationPath } from '../../src/cli/chosen-categoriser.ts';
import { makeFolder } from './program.ts';

const { folder, remove } = makeFolder();
test.after(remove);

test('calibrationPath() is in the folder of a model, or beside its file', async () => {
  const mine = path.join(folder, 'mine');
  mkdirSync(mine);
  writeFileSync(path.join(mine, 'model.json'), '{}');
  for (const text of [mine, path.join(mine, 'model.json')])
    assert.is(await calibrationPath(text), path.join(mine, 'categorise.json'), text);
  for (const name of ['x.selvedge', 'x.onnx']) {
    const file = path.join(folder, name);
    writeFileSync(file, '');
    assert.is(await calibrationPath(file), `${file}.categorise.json`);
  }
});

test.run();
