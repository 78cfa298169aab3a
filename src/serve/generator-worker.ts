// A thread that makes designs, with an engine of its own. It runs as compiled in dist/, since threads are started without a loader.
// Not here: who is answered when (../data/picture-pool.ts), how designs are made (made-designs.ts).
// Invariant: every request is answered, in the order that they came, unless the thread ends.
import { answerPictures, decoderOf, type PicturePort, type PictureWorkerData } from '../data/picture-worker.ts';
import type { DesignOrder, MadeDesigns } from './generate-routes.ts';
import { createDesigner } from './made-designs.ts';

export default function work(codecs: PictureWorkerData, port: PicturePort<DesignOrder, MadeDesigns>): void {
  answerPictures(port, createDesigner(decoderOf(codecs)).answer);
}
