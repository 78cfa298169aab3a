// The small real sample of Fashion-MNIST that the project ships: 2,000 training and 1,000 test images, as many of each class.
// It stands in where the whole data set cannot be had, always by name. Invariant: the files are those that
// `scripts/make-sample.ts` makes; the digests pin them.
import type { DatasetFileNames, PinnedFile } from './fashion-mnist.ts';

/** Folder of the shipped sample. */
export const sampleFolderUrl = (): URL => new URL('../../assets/sample/', import.meta.url);

/** Its files, each by a literal, so that bundlers find and move it. */
export const sampleFileUrls: DatasetFileNames<() => URL> = {
  trainImages: () => new URL('../../assets/sample/train-images-idx3-ubyte.gz', import.meta.url),
  trainLabels: () => new URL('../../assets/sample/train-labels-idx1-ubyte.gz', import.meta.url),
  testImages: () => new URL('../../assets/sample/t10k-images-idx3-ubyte.gz', import.meta.url),
  testLabels: () => new URL('../../assets/sample/t10k-labels-idx1-ubyte.gz', import.meta.url),
};

export const sampleFiles: DatasetFileNames<PinnedFile> = {
  trainImages: {
    name: 'train-images-idx3-ubyte.gz',
    sha256: '64a977c89e9d017ba1ea8043b4b1de5841691a8f62443fd4e493a49291a25251',
  },
  trainLabels: {
    name: 'train-labels-idx1-ubyte.gz',
    sha256: '31190a53668d5e37b17f508247658f5d2f7b016eead678f1d8a103951fa241e9',
  },
  testImages: {
    name: 't10k-images-idx3-ubyte.gz',
    sha256: 'cccc296cbc59a7ed8ccbc682de3c727f5ec7165a92f415f2f8f6de68551427cb',
  },
  testLabels: {
    name: 't10k-labels-idx1-ubyte.gz',
    sha256: '6e8ed870be0289377580b612631f8ec187991f98c161b06a8c8780a912d504f8',
  },
};
