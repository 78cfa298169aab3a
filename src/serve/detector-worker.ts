// A thread that finds items in pictures, with an engine of its own. It runs as compiled in dist/, since threads are started without a loader.
// Not here: who gets which file (../data/picture-pool.ts), how items are found (picture-items.ts).
// Invariant: every file is answered, in the order that they came, unless the thread ends.
import { answerPictures, decoderOf, type PicturePort, type PictureWorkerData } from '../data/picture-worker.ts';
import type { FindRequest, PictureItems } from './detect-routes.ts';
import { createItemFinder } from './picture-items.ts';

export default function work(codecs: PictureWorkerData, port: PicturePort<FindRequest, PictureItems>): void {
  answerPictures(port, createItemFinder(decoderOf(codecs)).answer);
}
