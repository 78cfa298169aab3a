// A thread that decodes pictures and does nothing else with them: what src/data/picture-worker.ts cannot be faster than.
import { answerPictures, decoderOf } from '../dist/data/picture-worker.js';

/**
 * @param {import('../src/data/picture-worker.ts').PictureWorkerData} codecs
 * @param {import('../src/data/picture-worker.ts').PicturePort<any, any>} port
 */
export default (codecs, port) => {
  const decode = decoderOf(codecs);
  answerPictures(port, async (bytes, options) => {
    const { width, height } = await decode(bytes, options);
    return { width, height };
  });
};
