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
  /** That of what is inside: some servers, Vite's among them, have browsers unpack what is called `.gz` (`Content-Encoding: gzip`). */
  readonly unpackedSha256?: string;
}

/** The four files as published, gzip-compressed IDX. */
export const fashionMnistFiles: DatasetFileNames<PinnedFile> = {
  trainImages: {
    name: 'train-images-idx3-ubyte.gz',
    sha256: 'b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7',
    unpackedSha256: 'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
  },
  trainLabels: {
    name: 'train-labels-idx1-ubyte.gz',
    sha256: '0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056',
    unpackedSha256: 'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
  },
  testImages: {
    name: 't10k-images-idx3-ubyte.gz',
    sha256: 'cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa',
    unpackedSha256: '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
  },
  testLabels: {
    name: 't10k-labels-idx1-ubyte.gz',
    sha256: '8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05',
    unpackedSha256: '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
  },
};

/** Height, width and channels of its images, of the shipped sample's too. */
export const fashionMnistImageShape: readonly [number, number, number] = [28, 28, 1];

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
