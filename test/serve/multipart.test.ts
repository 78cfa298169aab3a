// Forms as RFC 2046 and RFC 7578 have them: what clients send, what is cut or broken, and any legal body back to its parts.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import { type FormPart, parseMultipart } from '../../src/serve/multipart.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const parse = (body: string | Uint8Array, contentType = 'multipart/form-data; boundary=b'): FormPart[] =>
  parseMultipart(typeof body === 'string' ? bytesOf(body) : body, contentType);
const shown = (parts: readonly FormPart[]): string[] =>
  parts.map(({ name, file, type, bytes }) => [name, file, type, new TextDecoder().decode(bytes)].join('|'));

const one = (head: string, body = 'x'): string => `--b\r\nContent-Disposition: ${head}\r\n\r\n${body}\r\n--b--\r\n`;

const taken: Readonly<Record<string, [body: string, parts: string[], contentType?: string]>> = {
  'names in quotes': [one('form-data; name="n"; filename="a.jpg"'), ['n|a.jpg||x']],
  'names without quotes': [one('form-data; name=n; filename=a.jpg'), ['n|a.jpg||x']],
  'a file name in UTF-8': [one("form-data; name=n; filename=a; filename*=utf-8''%e2%82%ac%20rates"), ['n|€ rates||x']],
  'a broken extended name': [one("form-data; name=n; filename=a; filename*=utf-8''%e2%8"), ['n|a||x']],
  'escaped quotes and a path of Windows': [
    one('form-data; name="n"; filename="C:\\pictures\\a \\"b\\".jpg"'),
    ['n|C:\\pictures\\a "b".jpg||x'],
  ],
  'semicolons in quotes': [one('form-data; name="a;b"; filename="c=d;e"'), ['a;b|c=d;e||x']],
  'a type with parameters': [one('form-data; name=n\r\nContent-Type: Image/PNG; q=1'), ['n||image/png|x']],
  'headers in any case and folded': [
    one('form-data;\r\n\tname=n;\r\n filename=a\r\nCONTENT-TYPE : a/b'),
    ['n|a|a/b|x'],
  ],
  'a preamble and an epilogue': [`hello\r\n${one('form-data; name=n')}bye\r\n--b\r\n`, ['n|||x']],
  'blanks after the boundary': ['--b \t\r\nContent-Disposition: form-data; name=n\r\n\r\nx\r\n--b-- \t', ['n|||x']],
  'lines that end in a line feed alone': ['--b\nContent-Disposition: form-data; name=n\n\nx\ny\n--b--\n', ['n|||x\ny']],
  'an empty part': [one('form-data; name=n', ''), ['n|||']],
  'what looks like a boundary': [
    one('form-data; name=n', 'a--b\r\n--bb\r\n--b c\r\n-b'),
    ['n|||a--b\r\n--bb\r\n--b c\r\n-b'],
  ],
  'no part': ['--b--\r\n', []],
  'two parts': [
    '--b\r\nContent-Disposition: form-data; name=m\r\n\r\n1\r\n--b\r\nContent-Disposition: form-data; name=n\r\n\r\n2\r\n--b--',
    ['m|||1', 'n|||2'],
  ],
  'a boundary in quotes': [
    one('form-data; name=n').replaceAll('--b', "--a b'(:?)"),
    ['n|||x'],
    'Multipart/Form-Data; charset=utf-8; Boundary="a b\'(:?)"',
  ],
};
for (const [what, [body, parts, contentType]] of Object.entries(taken)) {
  test(`parseMultipart() takes ${what}`, () => assert.equal(shown(parse(body, contentType)), parts));
}

const refused: Readonly<Record<string, [body: string, said: RegExp, contentType?: string]>> = {
  'a missing last boundary': [
    one('form-data; name=n').replace('--b--', ''),
    /expected a last line of "--b--": the body is cut$/,
  ],
  'a body without a boundary': ['nothing', /found no such line$/],
  'an empty body': ['', /found no such line$/],
  'no boundary in the type': [
    one('form-data; name=n'),
    /expected a content-type with a boundary/,
    'multipart/form-data',
  ],
  'a boundary too long': ['', /of 1 to 70 characters/, `multipart/form-data; boundary=${'b'.repeat(71)}`],
  'a part without a name': [one('form-data; filename=a'), /with a name in part 0/],
  'a part without a disposition': ['--b\r\nContent-Type: a/b\r\n\r\nx\r\n--b--', /content-disposition: form-data/],
  'another disposition': [one('attachment; name=n'), /got "attachment; name=n"$/],
  'headers without an end': ['--b\r\nContent-Disposition: form-data; name=n\r\n--b--', /no empty line$/],
  'headers that are none': ['--b\r\nhello\r\n\r\nx\r\n--b--', /expected headers in part 0, got "hello"$/],
  'a name without end': [one(`form-data; name=${'n'.repeat(9000)}`), /at most 8192 bytes of headers/],
  'thousands of parts': [
    `${'--b\r\nContent-Disposition: form-data; name=n\r\n\r\n\r\n'.repeat(1025)}--b--`,
    /at most 1024 parts$/,
  ],
  'an encoded part': [one('form-data; name=n\r\nContent-Transfer-Encoding: base64'), /got one in base64$/],
};
for (const [what, [body, said, contentType]] of Object.entries(refused)) {
  test(`parseMultipart() refuses ${what}`, () => {
    assert.throws(
      () => parse(body, contentType),
      (error: Error) => error instanceof SelvedgeError && error.code === 'request/form' && said.test(error.message),
    );
  });
}

const content = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  // Much that is nearly a boundary.
  fc
    .array(fc.constantFrom('\r', '\n', '-', 'b', '--b', '\r\n--', ' '), { maxLength: 12 })
    .map((signs) => bytesOf(signs.join(''))),
);
const part = fc.record({
  name: fc.stringMatching(/^[\w ;="äß€-]{1,12}$/),
  file: fc.option(fc.stringMatching(/^[\w .;]{1,9}$/)),
  content,
});
const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, '\\$&')}"`;

test('parseMultipart() gives any legal body its parts back, and ends in a typed error or parts for any damaged one', () => {
  const boundary = 'xX9-z';
  fc.assert(
    fc.property(fc.array(part, { maxLength: 5 }), fc.nat(9999), fc.integer({ min: 0, max: 255 }), (parts, at, byte) => {
      const chunks = parts.flatMap(({ name, file, content: bytes }) => [
        bytesOf(
          `--${boundary}\r\nContent-Disposition: form-data; name=${quoted(name)}${file === null ? '' : `; filename=${quoted(file)}`}\r\n\r\n`,
        ),
        bytes,
        bytesOf('\r\n'),
      ]);
      const body = new Uint8Array(Buffer.concat([...chunks, bytesOf(`--${boundary}--\r\n`)]));
      const type = `multipart/form-data; boundary=${boundary}`;
      const found = parseMultipart(body, type).map(({ name, file, bytes }) => [name, file ?? null, [...bytes]]);
      assert.equal(
        found,
        parts.map(({ name, file, content: bytes }) => [name, file, [...bytes]]),
      );
      const damaged = body.slice();
      damaged[at % body.length] = byte;
      for (const broken of [damaged, body.subarray(0, at % body.length), body.subarray(at % body.length)]) {
        try {
          parseMultipart(broken, type);
        } catch (error) {
          assert.ok(error instanceof SelvedgeError && error.code === 'request/form', String(error));
        }
      }
    }),
    { seed: 12, numRuns: 500 },
  );
});

test.run();
