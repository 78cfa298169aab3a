// Makes the shipped sample (assets/sample) from the whole data set: the first examples of each class, in file order.
// Run: node --import tsx scripts/make-sample.ts. It prints the digests that src/data/sample.ts must pin.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { sha256 } from '../src/core/sha256.ts';
import { type Dataset, subsetOf } from '../src/data/dataset.ts';
import { encodeIdx } from '../src/data/idx.ts';
import { sampleFiles, sampleFolderUrl } from '../src/data/sample.ts';
import { loadFashionMnist } from '../src/data/sources.ts';
import { platform } from '../src/platform/index.ts';

const perClass = { train: 200, test: 100 };

function firstOfEachClass(dataset: Dataset, count: number): Dataset {
  const taken = new Array<number>(dataset.classNames.length).fill(0);
  const indices: number[] = [];
  dataset.labels.forEach((label, i) => {
    if (taken[label]! < count) indices.push(i);
    taken[label]!++;
  });
  return subsetOf(dataset, indices, `${dataset.name} sample`);
}

async function write(name: string, idx: Uint8Array): Promise<void> {
  const bytes = gzipSync(idx, { level: 9 });
  await platform.files.write(path.join(fileURLToPath(sampleFolderUrl()), name), bytes);
  console.log(`${name}  ${bytes.length} bytes  sha256 ${await sha256(bytes)}`);
}

const { train, test } = await loadFashionMnist({ allowSample: false });
for (const [dataset, count, images, labels] of [
  [train, perClass.train, sampleFiles.trainImages.name, sampleFiles.trainLabels.name],
  [test, perClass.test, sampleFiles.testImages.name, sampleFiles.testLabels.name],
] as const) {
  const sample = firstOfEachClass(dataset, count);
  await write(images, encodeIdx({ type: 'uint8', shape: [sample.count, 28, 28], data: sample.images }));
  await write(labels, encodeIdx({ type: 'uint8', shape: [sample.count], data: sample.labels }));
}
