// A catalogue that answers requests, on the engine that runs. Not here: HTTP (shop-routes.ts), so that an app without one has no tfjs.
// Invariant: an answer does not depend on what else is asked at the same time.
import {
  type Catalogue,
  type Embedder,
  recommend,
  requireSameModel,
  searchCatalogue,
} from '../apps/recommend/index.ts';
import { type Preparation, preparationOf } from '../data/preparation.ts';
import type { ShopService } from './shop-routes.ts';

/**
 * Makes a catalogue ready for `createApp`. Needs a started backend.
 *
 * @param catalogue Of `decodeIndex`
 * @param embedder Of the model that made it
 * @param preparation How pictures were brought into form for it; default: as images of that shape are
 * @throws SelvedgeError `index/other-model`
 */
export function createShop(
  catalogue: Catalogue,
  embedder: Embedder,
  preparation: Preparation | undefined = preparationOf(embedder.shape),
): ShopService {
  const { modelName: name, modelDigest: digest, embed, shape } = embedder;
  requireSameModel(catalogue, { name, digest });
  const { ids, classNames, labels } = catalogue;
  return {
    form: { shape, preparation },
    async similar(images, count) {
      const found = await searchCatalogue(catalogue, embed(images).vectors, { count });
      return found.map((list) =>
        list.map(({ row, similarity }) => ({ id: ids[row]!, class: classNames[labels[row]!]!, similarity })),
      );
    },
    async recommend(events, request) {
      const list = await recommend(catalogue, events, request);
      return list.map(({ id, class: kind, score, reason: { words, item } }) => ({
        id,
        class: kind,
        score,
        reason: { words, ...(item && { item: item.id, similarity: item.similarity }) },
      }));
    },
  };
}
