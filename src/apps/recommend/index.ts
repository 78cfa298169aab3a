// Similar items and recommendations: embeddings of a classifier, a catalogue of them, exact search, and what follows from a history.
export {
  type Catalogue,
  type CatalogueItems,
  type CataloguePictures,
  itemsOf,
  makeCatalogue,
  rowFinder,
} from './catalogue.ts';
export { createEmbedder } from './edge-embedder.ts';
export { type Embedded, type Embedder, openEmbedder } from './embedder.ts';
export {
  evaluateRecommendation,
  type ListFigures,
  type RecommendationFigures,
  type ShopperEvaluationOptions,
} from './evaluate-recommendation.ts';
export { type EventKind, eventKinds, eventOf, eventTimeOf, parseEvents, type ShopEvent } from './events.ts';
export { exportEmbedder } from './export-embedder.ts';
export { findSimilar } from './find-similar.ts';
export { decodeHalf, encodeHalf } from './half-floats.ts';
export { decodeIndex, encodeIndex, INDEX_FORMAT_VERSION, requireSameModel } from './index-file.ts';
export { pickDiverse } from './pick-diverse.ts';
export { popularItems } from './popular-items.ts';
export type { FoundItem, SearchOptions } from './ranking.ts';
export { type Reason, type Recommendation, type RecommendOptions, recommend } from './recommend.ts';
export { measureRetrieval, type Retrieval, type RetrievalRequest } from './retrieval.ts';
export { searchCatalogue } from './search.ts';
export {
  type ShopPictures,
  type ShopperOptions,
  SIMULATION_END_MS,
  type SimulatedShopper,
  simulateShoppers,
} from './simulated-shoppers.ts';
