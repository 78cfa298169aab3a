// Finding similar items wherever an exported embedder runs, edge runtimes among them: no tfjs, no files, no threads. Not here: recommending
// and exporting (index.ts). Invariant: imports nothing that needs a platform.
export { type Catalogue, type CatalogueItems, type CataloguePictures, makeCatalogue, rowFinder } from './catalogue.ts';
export { createEmbedder } from './edge-embedder.ts';
export type { Embedded, Embedder } from './embedder.ts';
export { findSimilar } from './find-similar.ts';
export { decodeHalf, encodeHalf } from './half-floats.ts';
export { decodeIndex, encodeIndex, INDEX_FORMAT_VERSION, requireSameModel } from './index-file.ts';
export type { FoundItem, SearchOptions } from './ranking.ts';
