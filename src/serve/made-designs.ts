// Designs by the generator that ships, on the engine of the thread that asks. Not here: which thread that is (own-thread.ts), whose engine
// (own-engine.ts). Invariant: engine and generator are opened at the first call; the pictures are those of `selvedge generate`.
import { designSheet, openGenerator, seenClasses } from '../apps/generate/index.ts';
import type { ImageDecoder } from '../data/image-decoder.ts';
import { createPictureReader } from '../data/picture-reader.ts';
import { usualPreparation } from '../data/preparation.ts';
import { encodeGrayPng } from '../report/png.ts';
import type { DesignOrder, MadeDesigns } from './generate-routes.ts';
import { onEngine } from './own-engine.ts';
import type { Answerer } from './own-thread.ts';

/** A maker of designs: new ones where there are no bytes, else variations of the picture that they are the file of. */
export function createDesigner(decodeImage: ImageDecoder): Answerer<DesignOrder, MadeDesigns> {
  const { use, close } = onEngine(() => openGenerator());
  const readPicture = createPictureReader(decodeImage);
  return {
    async answer(bytes, { name, maximumPixels, isSheet, classes: told, strength, ...request }) {
      const generator = await use();
      const { side } = generator.description.shape;
      const preparation = { ...usualPreparation, side };
      const picture =
        bytes.length === 0 ? undefined : (await readPicture(bytes, { name, maximumPixels, preparation })).pixels;
      const classes = told ?? (picture ? await seenClasses(picture, generator.description) : {});
      const designs = picture
        ? generator.vary({ ...request, picture, classes, ...(strength === undefined ? {} : { strength }) })
        : generator.design({ ...request, classes });
      return {
        classes,
        side,
        count: designs.count,
        images: isSheet ? encodeGrayPng(designSheet(designs)) : designs.images,
      };
    },
    close,
  };
}
