// A thread that reads pictures: takes files, one after another, and answers with prepared images or with the error. It runs as compiled in
// dist/, since threads are started without a loader. Not here: who gets which file (picture-pool.ts).
// Invariant: every file is answered, in the order that they came, unless the thread ends.
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';
import { createImageDecoder, type ImageDecoder } from './image-decoder.ts';
import { createPictureReader, type ReadOptions, type ReadPicture } from './picture-reader.ts';
import { createWebpCodec } from './webp-codec.ts';

/** The codecs, compiled. */
export interface PictureWorkerData {
  readonly png: WebAssembly.Module;
  readonly jpeg: WebAssembly.Module;
  readonly webp: WebAssembly.Module;
}

export interface PictureJob<Options = ReadOptions> {
  readonly bytes: Uint8Array;
  readonly options: Options;
}

/** To a job; the first of all, without either, says that the thread is ready. */
export interface PictureAnswer<Picture = ReadPicture> {
  readonly picture?: Picture;
  /** Without a code: no error of the picture's. */
  readonly error?: { readonly code?: SelvedgeError['code']; readonly message: string };
}

/** Where messages come from and go to. */
export interface PicturePort<Options = ReadOptions, Picture = ReadPicture> {
  postMessage(answer: PictureAnswer<Picture>): void;
  on(event: 'message', listener: (job: PictureJob<Options>) => void): void;
}

export default function work(codecs: PictureWorkerData, port: PicturePort): void {
  answerPictures(port, createPictureReader(decoderOf(codecs)));
}

/** Of the codecs that a thread was given. */
export const decoderOf = ({ png, jpeg, webp }: PictureWorkerData): ImageDecoder =>
  createImageDecoder({ png, jpeg, webp: createWebpCodec(() => webp), inflatesWithin: platform.inflatesWithin });

/** Says that the thread is ready, and answers what comes. */
export function answerPictures<Options, Picture>(
  port: PicturePort<Options, Picture>,
  read: (bytes: Uint8Array, options: Options) => Promise<Picture>,
): void {
  const answer = async ({ bytes, options }: PictureJob<Options>): Promise<void> => {
    try {
      port.postMessage({ picture: await read(bytes, options) });
    } catch (error) {
      const code = error instanceof SelvedgeError ? { code: error.code } : {};
      port.postMessage({ error: { ...code, message: messageOf(error) } });
    }
  };
  let last = Promise.resolve();
  port.on('message', (job) => {
    last = last.then(() => answer(job));
  });
  port.postMessage({});
}
