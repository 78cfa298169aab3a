// What Fashion-MNIST is: its files with their digests, its classes, and where it is published. Plain values, no code.
// Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST", arXiv 1708.07747, and https://github.com/zalandoresearch/fashion-mnist (MIT).

/** The four files of the data set, by what they hold. */
export interface DatasetFileNames<Value> {
  readonly trainImages: Value;
  readonly trainLabels: Value;
  readonly testImages: Value;
  readonly testLabels: Value;
}

/** One file and its SHA-256 in lower-case hexadecimal. */
export interface PinnedFile {
  readonly name: string;
  readonly sha256: string;
}

/** The four files as published, gzip-compressed IDX. */
export const fashionMnistFiles: DatasetFileNames<PinnedFile> = {
  trainImages: {
    name: 'train-images-idx3-ubyte.gz',
    sha256: 'b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7',
  },
  trainLabels: {
    name: 'train-labels-idx1-ubyte.gz',
    sha256: '0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056',
  },
  testImages: {
    name: 't10k-images-idx3-ubyte.gz',
    sha256: 'cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa',
  },
  testLabels: {
    name: 't10k-labels-idx1-ubyte.gz',
    sha256: '8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05',
  },
};

/** Names of the ten classes, by label. */
export const fashionMnistClassNames: readonly string[] = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
];

/** Folders over HTTP that hold the four files under their published names, in the order they are tried. */
export const fashionMnistAddresses: readonly string[] = [
  'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
  'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/',
];

/** Where Debian's package `dataset-fashion-mnist` puts the four files. */
export const fashionMnistDebianFolder = '/usr/share/datasets/fashion-mnist';
