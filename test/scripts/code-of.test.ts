import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { codeOf } from '../../scripts/code-of.ts';

test('codeOf() blanks comments and keeps lines', () => {
  assert.is(codeOf('a; // Math.random\n/* b\n c */ d'), `a; ${' '.repeat(14)}\n${' '.repeat(4)}\n${' '.repeat(5)} d`);
});

test('codeOf() blanks the text of strings and keeps their quotes', () => {
  assert.is(codeOf(`f('a\\'b', "// c")`), `f('${' '.repeat(4)}', "${' '.repeat(4)}")`);
});

test('codeOf() keeps the code inside templates, nested ones too', () => {
  const withHoles = (text: string): string => text.replaceAll('@', '$');
  const source = withHoles('`x @{f({ a: `y @{g} z` })} w` + h');
  assert.is(codeOf(source), withHoles('`  @{f({ a: `  @{g}  ` })}  ` + h'));
});

test('codeOf() tells regular expressions from divisions', () => {
  assert.is(codeOf("a / b / c; x = /'[/]'/.test(y)"), 'a / b / c; x = /     /.test(y)');
  assert.is(codeOf('return /"/; f()'), 'return / /; f()');
});

test('codeOf() ends with the text, whatever is left open', () => {
  for (const source of ["'a", '`a', '`a ${b', '/* a', '// a', 'x = /a', "'a\\"]) {
    assert.is(codeOf(source).length, source.length, source);
  }
});

test('codeOf() keeps length and line breaks of any text', () => {
  const text = fc.string({ unit: fc.constantFrom('$', ...'ab\'"`{}/*\\\n[]()= ') });
  fc.assert(
    fc.property(text, (source) => {
      const code = codeOf(source);
      assert.is(code.length, source.length);
      assert.equal(
        [...code.matchAll(/\n/g)].map(({ index }) => index),
        [...source.matchAll(/\n/g)].map(({ index }) => index),
      );
    }),
    { seed: 7, numRuns: 500 },
  );
});

test.run();
