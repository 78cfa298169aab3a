// The app as a client meets it, with the shipped model: every form of image, and whatever is wrong with one.
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { Hono } from 'hono';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fashionMnistClassNames } from '../../src/data/fashion-mnist.ts';
import { errorStatuses } from '../../src/serve/answer-error.ts';
import { createApp } from '../../src/serve/index.ts';
import { avif, cmykJpeg, losslessAlphaWebp, lossyWebp } from '../contract/picture-files.ts';
import { draw } from '../data/drawn-pictures.ts';
import { jpegFile, pngChunk, pngFile, rgbaPng } from '../data/image-files.ts';
import { pictureOf } from './pictures.ts';
import { type Answer, classifier, classify, labels, makeApp, sampleImages } from './served.ts';

const OCTETS = 'application/octet-stream';
const app = makeApp();
const image = sampleImages(1);
const png = rgbaPng(pictureOf(image));
const jpeg = await jpegFile(pictureOf(image));
const rows = Array.from({ length: 28 }, (_, y) => [...image.subarray(y * 28, y * 28 + 28)]);

/** A form of files; the type of its body is made by the runtime. */
function form(files: readonly (readonly [content: Uint8Array | string, type: string, name: string])[]): FormData {
  const data = new FormData();
  for (const [content, type, name] of files) {
    if (typeof content === 'string') data.append(name, content);
    else data.append('image', new File([content as BlobPart], name, { type }));
  }
  return data;
}

const right = async (): Promise<void> => {
  const { status, images } = await classify(app, OCTETS, image);
  assert.equal([status, images[0]?.class], [200, fashionMnistClassNames[labels[0]!]]);
};

test('createApp() answers raw bytes, JSON rows, JSON numbers and a form of bytes with the classifier’s own probabilities', async () => {
  const expected = classifier.classify(image);
  const forms: [string | undefined, Uint8Array | string | FormData][] = [
    [OCTETS, image],
    ['application/json', JSON.stringify(rows)],
    ['application/json; charset=utf-8', JSON.stringify([...image])],
    ['APPLICATION/JSON', JSON.stringify([rows])],
    [undefined, form([[image, OCTETS, 'a.bin']])],
  ];
  for (const [type, body] of forms) {
    const { status, images } = await classify(app, type, body);
    assert.equal([status, images.length], [200, 1]);
    assert.equal(Object.keys(images[0]!.probabilities), [...fashionMnistClassNames]);
    assert.equal(Object.values(images[0]!.probabilities), [...expected]);
    assert.is(images[0]!.probability, Math.max(...expected));
    assert.is(images[0]!.class, fashionMnistClassNames[labels[0]!]);
  }
});

test('createApp() judges pictures by their bytes, whatever clients call them, and leaves pixels pixels', async () => {
  for (const [type, body] of [
    ['image/jpg', jpeg],
    ['image/pjpeg', jpeg],
    ['image/x-png', png],
    ['IMAGE/PNG; q=1', jpeg],
    [OCTETS, png],
    [OCTETS, jpeg],
  ] as const) {
    const { status, images } = await classify(app, type, body);
    assert.equal([status, images[0]?.class], [200, fashionMnistClassNames[labels[0]!]], type);
  }
  const bodyOf = (head: string, content: Uint8Array): Uint8Array =>
    Buffer.concat([
      Buffer.from(`before\r\n--x y\r\nContent-Disposition: ${head}\r\n\r\n`),
      content,
      Buffer.from('\r\n--x y--\r\nafter'),
    ]);
  for (const [head, content] of [
    ['form-data; name=image; filename=a.jpg', jpeg],
    ['form-data; name="image"; filename="a b.png"', png],
    ["form-data; name=image; filename=a; filename*=UTF-8''%C3%A4.png\r\nContent-Type: application/octet-stream", png],
    ['form-data; name=image\r\nContent-Type: image/jpg', jpeg],
    ['form-data; name=image; filename=a.bin', image],
  ] as const) {
    const { status, images } = await classify(app, 'multipart/form-data; boundary="x y"', bodyOf(head, content));
    assert.equal([status, images[0]?.class], [200, fashionMnistClassNames[labels[0]!]], head);
  }
});

test('createApp() answers pictures in PNG and JPEG, in the body and in a form, and says what it found', async () => {
  for (const [type, body] of [
    ['image/png', png],
    ['image/jpeg', jpeg],
    // The bytes tell the kind.
    ['image/png', jpeg],
  ] as const) {
    const { status, images } = await classify(app, type, body);
    assert.equal([status, images[0]?.class], [200, fashionMnistClassNames[labels[0]!]]);
    assert.is(images[0]!.ground, 'light');
  }
  const both = form([
    [png, 'image/png', 'one.png'],
    [jpeg, 'image/jpeg', 'two.jpg'],
  ]);
  const { images } = await classify(app, undefined, both);
  assert.equal(
    images.map(({ file, class: name }) => [file, name]),
    ['one.png', 'two.jpg'].map((file) => [file, fashionMnistClassNames[labels[0]!]]),
  );
});

test('createApp() answers a batch as it answers each alone, in order', async () => {
  const all = sampleImages(20);
  const expected = Array.from({ length: 20 }, (_, i) => [...classifier.classify(sampleImages(1, i))]);
  const arrays = Array.from({ length: 20 }, (_, i) => [...sampleImages(1, i)]);
  // Twenty-eight images of 784 numbers are not one image of 28 rows.
  const many = Array.from({ length: 28 }, (_, i) => [...sampleImages(1, i)]);
  for (const [type, body] of [
    [OCTETS, all],
    ['application/json', JSON.stringify(arrays)],
    [undefined, form([0, 8].map((from) => [sampleImages(from === 0 ? 8 : 12, from), OCTETS, `${from}.bin`] as const))],
  ] as const) {
    const { images } = await classify(app, type, body);
    assert.equal(
      images.map(({ probabilities }) => Object.values(probabilities)),
      expected,
    );
  }
  assert.is((await classify(app, 'application/json', JSON.stringify(many))).images.length, 28);
});

test('createApp() with the shipped model is right about most of the sample', async () => {
  const { images } = await classify(app, OCTETS, sampleImages(100));
  const correct = images.filter((found, i) => found.class === fashionMnistClassNames[labels[i]!]).length;
  assert.ok(correct >= 85, `${correct} of 100`);
});

test('createApp() tells of itself and of its model', async () => {
  const health = await app.request('/health');
  assert.is(((await health.json()) as { status: string }).status, 'ok');
  const model = await app.request('/model');
  assert.equal(await model.json(), JSON.parse(JSON.stringify(classifier.model)));
  const head = await app.request('/health', { method: 'HEAD' });
  assert.equal([head.status, await head.text()], [200, '']);
});

test('createApp() can be mounted in another app', async () => {
  const outer = new Hono().route('/fashion', app);
  const response = await outer.request('/fashion/model');
  assert.is(((await response.json()) as { name: string }).name, 'dropout');
  const refused = await outer.request('/fashion/classify', { method: 'POST', body: 'shoe' });
  assert.equal([refused.status, refused.headers.get('content-type')], [415, 'application/json']);
});

test('createApp() answers unknown paths and methods in JSON', async () => {
  const cases = [
    ['GET', '/nothing', 404, null],
    ['GET', '/classify', 405, 'POST'],
    ['DELETE', '/model', 405, 'GET, HEAD'],
    ['POST', '/health', 405, 'GET, HEAD'],
  ] as const;
  for (const [method, path, status, allow] of cases) {
    const response = await app.request(path, { method });
    assert.equal([response.status, response.headers.get('allow')], [status, allow]);
    const { error } = (await response.json()) as { error: { code: string } };
    assert.is(errorStatuses[error.code as keyof typeof errorStatuses], status);
  }
});

const bomb = { width: 28, height: 28, colourType: 0, bitDepth: 8, rows: new Uint8Array(784) };
const tooManyNumbers = JSON.stringify([...image.subarray(1), 256]);
const claims = (width: number, height: number): Uint8Array =>
  pngFile({ width, height, colourType: 0, bitDepth: 8, rows: new Uint8Array(height > 9 ? 0 : height * width) });
const claimsHuge = pngFile({ width: 1, height: 1, colourType: 0, bitDepth: 8, rows: new Uint8Array(1) });
new DataView(claimsHuge.buffer).setUint32(16, 60_000);
new DataView(claimsHuge.buffer).setUint32(20, 60_000);
const hugeJpeg = jpeg.slice();
const frame = hugeJpeg.findIndex((byte, i) => byte === 0xff && [0xc0, 0xc1, 0xc2].includes(hugeJpeg[i + 1]!));
new DataView(hugeJpeg.buffer).setUint32(frame + 5, 0xffffffff);
const refused: [title: string, type: string | undefined, body: Uint8Array | string | FormData, code: string][] = [
  ['an empty body', OCTETS, new Uint8Array(0), 'request/empty'],
  ['bytes of no whole image', OCTETS, new Uint8Array(785), 'request/length'],
  ['too many images', OCTETS, new Uint8Array(257 * 784), 'request/too-many-images'],
  ['a body over the limit', OCTETS, new Uint8Array(10 * 1024 * 1024 + 1), 'request/too-large'],
  ['no content type', undefined, image, 'request/content-type'],
  ['a content type of its own', 'image/gif', png, 'request/content-type'],
  ['what curl says by itself', 'application/x-www-form-urlencoded', png, 'request/content-type'],
  ['text that is no JSON', 'application/json', '[1, 2', 'request/json'],
  ['bytes that are no UTF-8', 'application/json', Uint8Array.of(0x5b, 0xff, 0x5d), 'request/json'],
  ['a JSON object', 'application/json', '{"image": []}', 'request/length'],
  ['a JSON number', 'application/json', '5', 'request/length'],
  ['JSON null', 'application/json', 'null', 'request/length'],
  ['an empty JSON array', 'application/json', '[]', 'request/length'],
  ['a JSON image that is too short', 'application/json', '[1, 2, 3]', 'request/length'],
  ['JSON rows that are too short', 'application/json', JSON.stringify(rows.slice(1)), 'request/length'],
  ['JSON of a string among images', 'application/json', JSON.stringify([rows, 'x']), 'request/length'],
  ['JSON nested without end', 'application/json', `${'['.repeat(500_000)}`, 'request/json'],
  ['JSON nested deeply', 'application/json', `${'['.repeat(2000)}${']'.repeat(2000)}`, 'request/length'],
  ['a pixel over 255', 'application/json', tooManyNumbers, 'request/pixels'],
  ['a pixel below 0', 'application/json', JSON.stringify([...image.subarray(1), -1]), 'request/pixels'],
  ['a broken pixel', 'application/json', JSON.stringify([...image.subarray(1), 1.5]), 'request/pixels'],
  ['a pixel that is null', 'application/json', JSON.stringify([...image.subarray(1), null]), 'request/pixels'],
  ['a pixel that is text', 'application/json', JSON.stringify([...image.subarray(1), '7']), 'request/pixels'],
  ['too many JSON images', 'application/json', JSON.stringify(new Array(257).fill([])), 'request/too-many-images'],
  ['a picture that is none', 'image/png', new TextEncoder().encode('GIF89a'), 'image/unknown-format'],
  ['half a PNG', 'image/png', png.slice(0, png.length / 2), 'image/truncated'],
  ['half a JPEG', 'image/jpeg', jpeg.slice(0, jpeg.length / 2), 'image/truncated'],
  [
    'a PNG of too few rows',
    'image/png',
    pngFile({ ...bomb, compressed: deflateSync(new Uint8Array(99)) }),
    'image/corrupt',
  ],
  ['a PNG of no width', 'image/png', claims(0, 5), 'image/bad-size'],
  ['a PNG that claims to be huge', 'image/png', claimsHuge, 'image/too-large'],
  ['a JPEG that claims to be huge', 'image/jpeg', hugeJpeg, 'image/too-large'],
  [
    'a PNG that inflates beyond its pixels',
    'image/png',
    pngFile({ ...bomb, compressed: deflateSync(new Uint8Array(300_000_000)) }),
    'image/too-costly',
  ],
  ['a blank picture', 'image/png', pngFile(bomb), 'image/blank'],
  ['raw pixels of one level', OCTETS, new Uint8Array(784).fill(7), 'image/blank'],
  ['JSON of one level', 'application/json', JSON.stringify(new Array(784).fill(0)), 'image/blank'],
  ['a form of blank pixels', undefined, form([[new Uint8Array(784), OCTETS, 'a.bin']]), 'image/blank'],
  ['a GIF in bytes of no kind', OCTETS, new TextEncoder().encode('GIF89a and so on'), 'image/unknown-format'],
  ['a body that is no form', 'multipart/form-data; boundary=x', 'nothing', 'request/form'],
  ['a form without a boundary', 'multipart/form-data', 'nothing', 'request/form'],
  ['a form of text', undefined, form([['hello', '', 'a']]), 'request/form'],
  ['a form without files', undefined, form([]), 'request/form'],
  [
    'a form of pictures and bytes',
    undefined,
    form([
      [png, 'image/png', 'a.png'],
      [image, OCTETS, 'b.bin'],
    ]),
    'request/content-type',
  ],
  ['a form with half a picture', undefined, form([[png.slice(0, 99), 'image/png', 'a.png']]), 'image/truncated'],
  [
    'a form of too many files',
    undefined,
    form(Array.from({ length: 257 }, () => [png, 'image/png', 'a.png'] as const)),
    'request/too-many-images',
  ],
];

for (const [title, type, body, code] of refused) {
  test(`createApp() refuses ${title} and goes on`, async () => {
    const answer = await classify(app, type, body);
    assert.equal(
      [answer.code, answer.status],
      [code, errorStatuses[code as keyof typeof errorStatuses]],
      answer.message,
    );
    assert.match(answer.message, /^Cannot .*[^.]$/);
    await right();
  });
}

test('createApp() refuses pictures that together have too many pixels', async () => {
  const files = (count: number): FormData =>
    form(Array.from({ length: count }, (_, i) => [png, 'image/png', `${i}.png`] as const));
  // Pictures of 104 x 104.
  const small = makeApp({ limits: { maximumPixels: 2 * 104 * 104 } });
  assert.is((await classify(small, undefined, files(2))).status, 200);
  assert.is((await classify(small, undefined, files(3))).code, 'image/too-large');
});

test('createApp() refuses a compressed body', async () => {
  const { status, code } = await classify(app, OCTETS, image, { 'content-encoding': 'gzip' });
  assert.equal([status, code], [415, 'request/content-encoding']);
});

test('createApp() stops reading where a stream passes the limit, whatever its header says', async () => {
  for (const headers of [{}, { 'content-length': '784' }] as Record<string, string>[]) {
    let sent = 0;
    let isCancelled = false;
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 65_536;
        controller.enqueue(new Uint8Array(65_536));
      },
      cancel() {
        isCancelled = true;
      },
    });
    const answer = await classify(app, OCTETS, stream, headers);
    assert.equal([answer.status, answer.code, isCancelled], [413, 'request/too-large', true]);
    assert.ok(sent < 11 * 1024 * 1024, `read ${sent} bytes`);
  }
  let isRead = false;
  const announced = new ReadableStream(
    {
      pull() {
        isRead = true;
      },
    },
    { highWaterMark: 0 },
  );
  const answer = await classify(app, OCTETS, announced, { 'content-length': '99999999999' });
  assert.equal([answer.status, isRead], [413, false]);
  await right();
});

test('createApp() answers a body that breaks off', async () => {
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new Uint8Array(100));
      controller.error(new Error('the line went dead'));
    },
  });
  const { status, code } = await classify(app, OCTETS, stream);
  assert.equal([status, code], [400, 'request/unreadable']);
  await right();
});

test('createApp() takes WebP and JPEG of inks, and refuses a picture without contrast and other formats by their names', async () => {
  for (const [type, body] of [
    ['image/webp', losslessAlphaWebp],
    ['image/png', lossyWebp],
    ['image/jpeg', cmykJpeg],
    [undefined, form([[lossyWebp, 'image/webp', 'shop.webp']])],
  ] as const) {
    const { status, images } = await classify(app, type, body);
    assert.is(status, 200);
    assert.is(images.length, 1);
  }
  const flat = draw(40, 30, () => 200);
  for (const [body, status, code, said] of [
    [rgbaPng(flat), 422, 'image/blank', /close to the colour of its border/],
    [rgbaPng(draw(40, 30, (x, y) => [x, y, 9, 0])), 422, 'image/blank', /Cannot find an object/],
    [avif, 415, 'image/unknown-format', /expected a PNG, JPEG or WebP file, got AVIF/],
  ] as const) {
    const answer = await classify(app, 'image/png', body);
    assert.equal([answer.status, answer.code], [status, code]);
    assert.match(answer.message, said);
  }
});

test('createApp() without codecs takes pixels and refuses pictures', async () => {
  const plain = createApp({ classifier });
  assert.is((await classify(plain, OCTETS, image)).status, 200);
  for (const [type, body] of [
    ['image/png', png],
    [undefined, form([[png, 'image/png', 'a.png']])],
  ] as const) {
    const { status, code, message } = await classify(plain, type, body);
    assert.equal([status, code], [415, 'request/content-type']);
    assert.not.match(message, 'image/jpeg');
  }
});

test('createApp() tells the client nothing of an unexpected error, and the owner everything', async () => {
  const heard: unknown[] = [];
  const trouble = new Error('secret of the house');
  const failing = makeApp({
    classifier: {
      ...classifier,
      classify: () => {
        throw trouble;
      },
    },
    onError: (error) => heard.push(error),
  });
  const { status, code, body } = await classify(failing, OCTETS, image);
  assert.equal([status, code, heard], [500, 'serve/internal', [trouble]]);
  assert.not.match(JSON.stringify(body), /secret|stack|\.ts/);
  assert.is((await failing.request('/health')).status, 200);
});

test('createApp() answers 503 where the model cannot be had', async () => {
  const heard: unknown[] = [];
  const without = makeApp({ classifier: Promise.reject(new Error('no file')), onError: (error) => heard.push(error) });
  for (const path of ['/health', '/model', '/openapi.json']) {
    const response = await without.request(path);
    assert.equal([response.status, response.headers.get('content-type')], [503, 'application/json']);
  }
  assert.is((await classify(without, OCTETS, image)).code, 'serve/no-model');
  assert.is(heard.length, 1);
});

/** Answered as documented, and nothing else: an image for each, or an error of a known code with its status. */
function isProper(answer: Answer): void {
  if (answer.status === 200) {
    assert.ok(answer.images.length > 0);
    return;
  }
  assert.is(errorStatuses[answer.code as keyof typeof errorStatuses], answer.status, JSON.stringify(answer.body));
  assert.ok(answer.status < 500, JSON.stringify(answer.body));
}

test('createApp() answers any bytes under any type, and goes on', async () => {
  const types = [
    'image/png',
    'image/jpeg',
    OCTETS,
    'application/json',
    'multipart/form-data; boundary=b',
    'text/plain',
  ];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...types), fc.uint8Array({ maxLength: 2000 }), async (type, bytes) => {
      isProper(await classify(app, type, bytes));
    }),
    { seed: 4, numRuns: 200 },
  );
  await right();
});

test('createApp() answers any JSON, and goes on', async () => {
  await fc.assert(
    fc.asyncProperty(fc.json({ maxDepth: 4 }), async (text) => {
      isProper(await classify(app, 'application/json', text));
    }),
    { seed: 5, numRuns: 200 },
  );
  await right();
});

test('createApp() answers damaged pictures and forms, and goes on', async () => {
  const asForm = new Request('http://localhost', { method: 'POST', body: form([[png, 'image/png', 'a.png']]) });
  const formType = asForm.headers.get('content-type')!;
  const bodies: [string, Uint8Array][] = [
    ['image/png', png],
    ['image/jpeg', jpeg],
    [formType, new Uint8Array(await asForm.arrayBuffer())],
    ['image/png', pngFile({ ...bomb, chunks: [pngChunk('tRNS', Uint8Array.of(0, 9))] })],
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...bodies),
      fc.array(fc.tuple(fc.nat({ max: 30_000 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 5 }),
      fc.option(fc.nat({ max: 30_000 })),
      async ([type, body], mutations, cut) => {
        const damaged = body.slice(0, cut === null ? body.length : (cut % body.length) + 1);
        for (const [at, value] of mutations) damaged[at % damaged.length] = value;
        isProper(await classify(app, type, damaged));
      },
    ),
    { seed: 6, numRuns: 300 },
  );
  await right();
});

test.run();
