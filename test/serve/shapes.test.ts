// The app with models of other images than Fashion-MNIST's: in colour, and of a shape that no picture becomes.
import { Validator } from '@seriousme/openapi-schema-validator';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Classifier } from '../../src/edge/index.ts';
import { createApp } from '../../src/serve/index.ts';
import { draw } from '../data/drawn-pictures.ts';
import { rgbaPng } from '../data/image-files.ts';
import { classify, decodeImage } from './served.ts';

const OCTETS = 'application/octet-stream';
const JSON_TYPE = 'application/json';

/** Answers with the share of each channel, so that what it was given shows. */
function channelClassifier(inputShape: readonly [number, number, number], settings: object = {}): Classifier {
  const [height, width, channels] = inputShape;
  const labels = ['red', 'green', 'blue'].slice(0, Math.max(2, channels));
  const size = height * width * channels;
  return {
    model: {
      name: 'channels',
      labels,
      inputShape,
      settings: settings as Record<string, unknown>,
      fingerprint: '',
      formatVersion: 1,
      kernels: '',
    },
    classify: (images) =>
      Float32Array.from({ length: (images.length / size) * labels.length }, (_, i) => {
        const row = Math.floor(i / labels.length);
        const image = images.subarray(row * size, (row + 1) * size);
        return image
          .filter((_level, at) => at % channels === i % labels.length)
          .reduce((sum, level) => sum + level / 1e5, 0);
      }),
  };
}

const preparation = { side: 6, channels: 3, fit: 'whole' };
const colour = createApp({ classifier: channelClassifier([6, 6, 3], { preparation }), decodeImage });
const green = draw(20, 20, (x, y) => (x > 4 && y > 4 ? [10, 200, 10, 255] : [0, 0, 0, 255]));

test('createApp() serves a model of images in colour: pictures, bytes, and JSON flat or in rows', async () => {
  const pixels = Uint8Array.from({ length: 108 }, (_, i) => (i % 3 === 2 ? 200 : i % 7));
  const rows = Array.from({ length: 6 }, (_, y) =>
    Array.from({ length: 6 }, (__, x) => [...pixels.subarray((y * 6 + x) * 3, (y * 6 + x) * 3 + 3)]),
  );
  const png = await classify(colour, 'image/png', rgbaPng(green));
  assert.equal([png.status, png.images[0]!.class, png.images[0]!.ground], [200, 'green', undefined]);
  const raw = await classify(colour, OCTETS, pixels);
  assert.equal([raw.images.length, raw.images[0]!.class], [1, 'blue']);
  for (const image of [rows, [...pixels]]) {
    assert.equal((await classify(colour, JSON_TYPE, JSON.stringify(image))).images, raw.images);
    assert.equal((await classify(colour, JSON_TYPE, JSON.stringify([image, image]))).images.length, 2);
  }
});

test('createApp() tells what images in colour must be', async () => {
  for (const [type, body, words] of [
    [OCTETS, new Uint8Array(36).map((_, i) => i), '108 bytes an image, 6 rows of 6 times red, green and blue'],
    [
      JSON_TYPE,
      JSON.stringify(Array.from({ length: 6 }, () => new Array(6).fill(1))),
      '6 arrays of 6, each pixel an array of 3',
    ],
    [JSON_TYPE, '[1, 2, 3]', 'expected 108 numbers'],
  ] as const) {
    const { status, message, code } = await classify(colour, type, body as BodyInit);
    assert.equal([status, code], [400, 'request/length']);
    assert.ok(message.includes(words), message);
  }
});

test('the document describes the images of the model, and its examples are taken', async () => {
  const document = await (await colour.request('/openapi.json')).json();
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  assert.ok(valid, JSON.stringify(errors));
  const { content } = document.paths['/classify'].post.requestBody;
  assert.match(JSON.stringify(content), '108 bytes an image');
  for (const { value } of Object.values<{ value: unknown }>(content[JSON_TYPE].examples)) {
    assert.is((await classify(colour, JSON_TYPE, JSON.stringify(value))).status, 200);
  }
});

test('createApp() takes pixels alone for a model that no picture is for, and refuses one that contradicts itself', async () => {
  const oblong = createApp({ classifier: channelClassifier([4, 9, 1]), decodeImage });
  const pixels = Uint8Array.from({ length: 36 }, (_, i) => i);
  assert.is((await classify(oblong, OCTETS, pixels)).status, 200);
  assert.is((await classify(oblong, 'image/png', rgbaPng(green))).code, 'request/content-type');
  for (const classifier of [channelClassifier([6, 6, 1], { preparation }), channelClassifier([6, 6, 2])]) {
    const heard: unknown[] = [];
    const app = createApp({ classifier, onError: (error) => heard.push(error) });
    assert.is((await classify(app, OCTETS, pixels)).code, 'serve/no-model');
    assert.is(heard.length, 1);
  }
});

test.run();
