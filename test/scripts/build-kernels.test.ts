import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { forbiddenSections } from '../../scripts/build-kernels.ts';

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
/** An unknown section of 200 bytes, whose size takes two bytes. */
const CUSTOM = [0, 0xc8, 0x01, ...Array<number>(200).fill(11)];
/** One type () -> (), one function of it, and its empty body. */
const FUNCTION = { type: [1, 4, 1, 0x60, 0, 0], function: [3, 2, 1, 0], code: [10, 4, 1, 2, 0, 0x0b] };
const MEMORY = [5, 3, 1, 0, 1];
const START = [8, 1, 0];
/** One segment of one byte at address 0. */
const DATA = [11, 7, 1, 0, 0x41, 0, 0x0b, 1, 42];

function moduleOf(...sections: readonly (readonly number[])[]): Uint8Array {
  const wasm = Uint8Array.from([...HEADER, ...sections.flat()]);
  assert.ok(WebAssembly.validate(wasm as BufferSource), 'a module that engines take');
  return wasm;
}

test('forbiddenSections() finds a start and a data section, and behind sections of any size', () => {
  const { type, function: functions, code } = FUNCTION;
  assert.equal(forbiddenSections(moduleOf(CUSTOM, type, functions, MEMORY, code)), []);
  assert.equal(forbiddenSections(moduleOf(type, functions, MEMORY, START, code)), ['start']);
  assert.equal(forbiddenSections(moduleOf(CUSTOM, type, functions, MEMORY, code, DATA)), ['data']);
  assert.equal(forbiddenSections(moduleOf(type, functions, MEMORY, START, code, CUSTOM, DATA)), ['start', 'data']);
});

test('forbiddenSections() passes a data section of no segments', () => {
  assert.equal(forbiddenSections(moduleOf(MEMORY, [11, 1, 0])), []);
});

test('the kernels that were built hold neither', () => {
  for (const name of ['kernels-shared', 'kernels-unshared', 'edge']) {
    assert.equal(forbiddenSections(readFileSync(new URL(`../../build/${name}.wasm`, import.meta.url))), [], name);
  }
});

test.run();
