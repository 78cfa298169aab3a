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
    unpackedSha256: 'a724cd72799a6b1c3a81c4263865a75a73bb6473673b3394e34adf222930f19e',
  },
  trainLabels: {
    name: 'train-labels-idx1-ubyte.gz',
    sha256: '31190a53668d5e37b17f508247658f5d2f7b016eead678f1d8a103951fa241e9',
    unpackedSha256: '4738fd437c0f8d6498ae7f6f5c86f1cc3c878d4116ff169fc5635bd6847899cc',
  },
  testImages: {
    name: 't10k-images-idx3-ubyte.gz',
    sha256: 'cccc296cbc59a7ed8ccbc682de3c727f5ec7165a92f415f2f8f6de68551427cb',
    unpackedSha256: '7cee33c3c6414b1b86c25e665a6c4f41584269de3b7cc9768b1d351922845eef',
  },
  testLabels: {
    name: 't10k-labels-idx1-ubyte.gz',
    sha256: '6e8ed870be0289377580b612631f8ec187991f98c161b06a8c8780a912d504f8',
    unpackedSha256: '3128d790775889812b73c4f13923559c8b9e281d112c6ea7862acf60a206a909',
  },
};
