// A thread that reads pictures: takes files, one after another, and answers with prepared images or with the error. It runs as compiled in
// dist/, since threads are started without a loader. Not here: who gets which file (picture-pool.ts).
// Invariant: every file is answered, in the order that they came, unless the thread ends.
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';
import { createImageDecoder } from './image-decoder.ts';
import { createPictureReader, type ReadOptions, type ReadPicture } from './picture-reader.ts';
import { createWebpCodec } from './webp-codec.ts';

/** The codecs, compiled. */
export interface PictureWorkerData {
  readonly png: WebAssembly.Module;
  readonly jpeg: WebAssembly.Module;
  readonly webp: WebAssembly.Module;
}

export interface PictureJob {
  readonly bytes: Uint8Array;
  readonly options: ReadOptions;
}

/** To a job; the first of all, without either, says that the thread is ready. */
export interface PictureAnswer {
  readonly picture?: ReadPicture;
  /** Without a code: no error of the picture's. */
  readonly error?: { readonly code?: SelvedgeError['code']; readonly message: string };
}

/** Where messages come from and go to. */
interface Port {
  postMessage(answer: PictureAnswer): void;
  on(event: 'message', listener: (job: PictureJob) => void): void;
}

export default function work({ png, jpeg, webp }: PictureWorkerData, port: Port): void {
  const { inflatesWithin } = platform;
  const read = createPictureReader(
    createImageDecoder({ png, jpeg, webp: createWebpCodec(() => webp), inflatesWithin }),
  );
  const answer = async ({ bytes, options }: PictureJob): Promise<void> => {
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
