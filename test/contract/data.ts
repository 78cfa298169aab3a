// Contract: the sample, its digests and splits, batches with and without augmentation, and pictures, have the same bits everywhere.
import * as assert from 'uvu/assert';
import { shuffledIndices } from '../../src/core/philox.ts';
import { sha256 } from '../../src/core/sha256.ts';
import { gunzipInScript } from '../../src/data/gzip.ts';
import {
  countLabels,
  decodeIdx,
  decodeImage,
  defaultAugmentation,
  encodeIdx,
  gunzip,
  gzip,
  loadFashionMnistSample,
  placeDataset,
  prepareImage,
  splitTrainValidation,
} from '../../src/data/index.ts';
import { sampleFiles } from '../../src/data/sample.ts';
import { gzipFiles } from './gzip-files.ts';
import * as pictureFiles from './picture-files.ts';
import type { ContractTests } from './suite.ts';

/** 6 x 5 pixels in every colour, as files of both kinds. */
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAYAAAAFCAYAAABmWJ3mAAAAiElEQVR4nAF9AIL/AAD/AP8I+iX/EPVK/xjwb/8g65T/KOa5/wAw4d7/ONwD/0DXKP9I0k3/UM1y/1jIl/8AYMO8/2i+4f9wuQb/eLQr/4CvUP+IqnX/AJClmv+YoL//oJvk/6iWCf+wkS7/uIxT/wDAh3j/yIKd/9B9wv/YeOf/4HMM/+huMf9Q1E29Zu/WVgAAAABJRU5ErkJggg==';
const JPEG =
  '/9j/4AAQSkZJRgABAQAAAQABAAD/2wCEAAICAgICAgICAgIDAwIDAwQDAwMDBAYEBAQEBAYJBQYFBQYFCQgJBwcHCQgOCwkJCw4QDQwNEBMRERMYFxgfHyoBAgICAgICAgICAgMDAgMDBAMDAwMEBgQEBAQEBgkFBgUFBgUJCAkHBwcJCA4LCQkLDhANDA0QExERExgXGB8fKv/CABEIAAUABgMBEQACEQEDEQH/xAAnAAEAAAAAAAAAAAAAAAAAAAAHAQEBAAAAAAAAAAAAAAAAAAAFB//aAAwDAQACEAMQAAAAX5Ch/8QAIBAAAQMCBwAAAAAAAAAAAAAAAQIDBAARBRIiMTJBYf/aAAgBAQABPwCbiciAtl6NpbkBZLQ4oUm18vhvt1X/xAAfEQACAQQCAwAAAAAAAAAAAAABAwIEBQYRByETJDL/2gAIAQIBAT8AyhUeOnWW9Yv6lvyNNW1lqh0ikfSFRnKnI+VM8uwrWoEHXWgP/8QAHxEAAgECBwAAAAAAAAAAAAAAAgMBBBEABgcIEyJR/9oACAEDAQE/AMm7NtLaukat6bmmB78A3KC9x//Z';

const bytesOf = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));

export const dataTests: ContractTests = {
  async 'the shipped sample loads and is what its digests say'() {
    const { train, test, source } = await loadFashionMnistSample();
    assert.equal([train.count, test.count, train.height, train.width, train.channels], [2000, 1000, 28, 28, 1]);
    assert.equal(source.files.map(({ sha256: digest }) => digest).sort(), digestsOfSample().sort());
    assert.equal([...countLabels(train)], Array(10).fill(200));
    return [train.images, train.labels, test.images, test.labels];
  },
  'the split of the study is that of NumPy'() {
    const { train, validation } = splitTrainValidation(60_000, { testSize: 0.2, randomState: 2023 });
    assert.equal([train.length, validation.length], [48_000, 12_000]);
    return [train, validation];
  },
  'the order of an epoch is a permutation, and the same everywhere'() {
    const order = shuffledIndices(12_345, { seed: 1, epoch: 2 });
    assert.is(new Set(order).size, 12_345);
    return [order];
  },
  async 'batches hold their images, from 0 to 1, and one-hot labels'() {
    const { train } = await loadFashionMnistSample();
    const resident = placeDataset(train);
    const { x, y } = resident.batch(Int32Array.of(7, 1999, 0));
    const [pixels, labels] = [x.dataSync<'float32'>().slice(), y.dataSync<'float32'>().slice()];
    for (const tensor of [x, y]) tensor.dispose();
    resident.dispose();
    assert.ok(Math.abs(pixels[784 + 400]! - train.images[1999 * 784 + 400]! / 255) < 1e-6);
    assert.is(labels.indexOf(1, 10), 10 + train.labels[1999]!);
    return [pixels, labels];
  },
  async 'augmented batches depend on seed, epoch and image alone'() {
    const { train } = await loadFashionMnistSample();
    const resident = placeDataset(train);
    const examples = resident.examples({ augmentation: { seed: 3, settings: defaultAugmentation } });
    const read = (positions: readonly number[], epoch: number): Float32Array => {
      const { x, y } = examples.batch(Int32Array.from(positions), epoch);
      const pixels = x.dataSync<'float32'>().slice();
      for (const tensor of [x, y]) tensor.dispose();
      return pixels;
    };
    const range = Array.from({ length: 40 }, (_, i) => 31 * i);
    const [first, alone, later] = [read(range, 1), read([31 * 5], 1), read(range, 2)];
    resident.dispose();
    assert.equal(first.subarray(5 * 784, 6 * 784), alone);
    assert.not.equal(first, later);
    return [first, later];
  },
  async 'IDX and gzip come back as they went in'() {
    const data = Uint8Array.from({ length: 6_000 }, (_, i) => (i * i) >>> 3);
    const file = encodeIdx({ type: 'uint8', shape: [10, 20, 30], data });
    const back = decodeIdx(await gunzip(await gzip(file), { name: 'file' }), { name: 'file' });
    assert.equal(back, { type: 'uint8', shape: [10, 20, 30], data });
    return [file];
  },
  async 'gzip is read by RFC 1952, by the stream of the runtime and by script'() {
    const roads = [(bytes: Uint8Array) => gunzip(bytes, { name: 'a.gz' }), gunzipInScript];
    const wrong: string[] = [];
    for (const { title, bytes, content } of gzipFiles) {
      for (const [i, road] of roads.entries()) {
        const got = await road(bytes).catch(() => undefined);
        if (got?.join() !== content?.join()) wrong.push(`${i ? 'script' : 'stream'}, ${title}: ${got?.length} bytes`);
      }
    }
    assert.equal(wrong, []);
    return undefined;
  },
  async 'PNG and JPEG files are decoded to the same pixels everywhere'() {
    const [png, jpeg] = await Promise.all([PNG, JPEG].map((file, i) => decodeImage(bytesOf(file), { name: `${i}` })));
    for (const { width, height } of [png!, jpeg!]) assert.equal([width, height], [6, 5]);
    assert.equal([...png!.data.subarray(4, 8)], [8, 250, 37, 255]);
    return [new Uint8Array(png!.data), new Uint8Array(jpeg!.data), prepareImage(png!, { name: 'png' }).pixels];
  },
  async 'WebP and JPEG of inks are decoded to the same pixels everywhere'() {
    const { lossyWebp, losslessAlphaWebp, alphaWebp, cmykJpeg, turnedCmykJpeg } = pictureFiles;
    const images: Uint8Array[] = [];
    for (const file of [lossyWebp, losslessAlphaWebp, alphaWebp, cmykJpeg, turnedCmykJpeg]) {
      const { data } = await decodeImage(file, { name: `${images.length}` });
      assert.is(data.length, 24 * 16 * 4);
      images.push(new Uint8Array(data));
    }
    return images;
  },
  async 'SHA-256 is that of the standard'() {
    assert.is(await sha256('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  },
};

function digestsOfSample(): string[] {
  return Object.values(sampleFiles).map(({ sha256: digest }) => digest);
}
