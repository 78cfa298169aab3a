// selvedge similar: the items of a catalogue that are most like pictures, by the classifier that made its index.
// Invariant: a picture that cannot be read is an error of its own; the others are answered all the same.
import { type Catalogue, decodeHalf, type FoundItem, rowFinder, searchCatalogue } from '../apps/recommend/index.ts';
import type { GrayImage } from '../report/png.ts';
import { usageError } from './arguments.ts';
import { catalogueOption, openEmbedderOf, readIndex } from './catalogue-files.ts';
import { type Choice, chosenModelOptions, preparationFor } from './chosen-model.ts';
import { type CommandContext, command, exitCodes } from './command.ts';
import { checkThreads, threadsOption, useEngine, wholeNumber } from './options.ts';
import { type PictureFailure, pixelsOfPictures, readPictures } from './picture-files.ts';
import { checkPageName, pictureOf, requirePictures, writeItemPage } from './shown-items.ts';

/** What is asked about, and its vector. */
interface Query {
  readonly name: string;
  readonly vector: Float32Array;
  readonly image: GrayImage | undefined;
  /** Where it is of the catalogue itself. */
  readonly row?: number;
}

export const similar = command({
  name: 'similar',
  description: 'Find the items of a catalogue that are most like a picture',
  takesList: true,
  args: {
    image: { type: 'positional', required: false, description: 'Picture files, one or more' },
    ...catalogueOption,
    item: { type: 'string', valueHint: 'name', description: 'Ask about this item of the catalogue, no picture' },
    count: { type: 'string', valueHint: 'count', description: 'Items to find for each (default: 10)' },
    out: { type: 'string', valueHint: 'file', description: 'Write a page with the pictures: .html' },
    ...chosenModelOptions,
    ...threadsOption,
  },
  async run(args, context) {
    const count = wholeNumber('count', args.count, 1, 1000) ?? 10;
    checkThreads(args.threads);
    checkPageName(args.out);
    const { item } = args;
    if ((item === undefined) === (args._.length === 0)) {
      throw usageError('Expected picture files or "--item", one of them: see selvedge similar --help');
    }
    const catalogue = await readIndex(args.catalogue, context);
    requirePictures(catalogue, args.out);
    const { queries, failures } =
      item === undefined
        ? await readQueries(catalogue, args, context)
        : { queries: await queryOfItem(catalogue, item, args.threads), failures: [] };
    const answers: { readonly query: Query; readonly found: readonly FoundItem[] }[] = [];
    for (const query of queries) {
      const without = new Uint8Array(catalogue.count);
      if (query.row !== undefined) without[query.row] = 1;
      const [found] = await searchCatalogue(catalogue, query.vector, { count, without });
      answers.push({ query, found: found! });
    }
    const describe = ({ row, similarity }: FoundItem) => ({
      id: catalogue.ids[row]!,
      class: catalogue.classNames[catalogue.labels[row]!]!,
      similarity: Number(similarity.toFixed(6)),
    });
    const page =
      args.out === undefined || answers.length === 0
        ? undefined
        : await writeItemPage(
            args.out,
            catalogue,
            {
              title: 'Similar items',
              subtitle: `Of ${catalogue.count} items, by model ${catalogue.model.name}`,
              lists: answers.map(({ query, found }) => ({
                title: query.name,
                note: `The ${found.length} items most alike, the nearest first`,
                query: query.image,
                items: found.map((one) => ({
                  image: pictureOf(catalogue, one.row),
                  name: catalogue.ids[one.row]!,
                  note: describe(one).class,
                  reason: `${percent(one.similarity)} alike`,
                })),
              })),
            },
            context,
          );
    return {
      json: {
        model: catalogue.model,
        items: catalogue.count,
        images: answers.map(({ query, found }) => ({ file: query.name, similar: found.map(describe) })),
        failures,
        ...(page === undefined ? {} : { page }),
      },
      text: [
        ...answers.map(({ query, found }) => toText(query.name, found.map(describe))),
        ...(page === undefined ? [] : [`Page: ${page}`]),
      ].join('\n'),
      exitCode: failures.length > 0 ? exitCodes.failure : exitCodes.ok,
    };
  },
});

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;

function toText(name: string, found: readonly { id: string; class: string; similarity: number }[]): string {
  const width = Math.max(0, ...found.map(({ id }) => id.length));
  return [
    name,
    ...found.map((one) => `  ${one.id.padEnd(width)}  ${percent(one.similarity).padStart(6)}  ${one.class}`),
  ].join('\n');
}

async function readQueries(
  catalogue: Catalogue,
  args: Choice & { readonly _: readonly string[]; readonly threads?: string | undefined },
  context: CommandContext,
): Promise<{ queries: Query[]; failures: PictureFailure[] }> {
  const verbose = (args as { verbose?: boolean }).verbose === true;
  const { chosen, embedder } = await openEmbedderOf(catalogue, args, context);
  try {
    const preparation = preparationFor(chosen, 'similar');
    const { pictures, failures } = await readPictures(args._, 'similar', { context, verbose, preparation });
    const { vectors } = embedder.embed(pixelsOfPictures(pictures));
    const { dimension } = embedder;
    const [height, width, channels] = embedder.shape;
    const queries = pictures.map(({ file, image }, row) => ({
      name: file,
      vector: vectors.subarray(row * dimension, (row + 1) * dimension),
      image: { height, width, channels, pixels: image.pixels },
    }));
    return { queries, failures };
  } finally {
    embedder.dispose();
    chosen.model.dispose();
  }
}

/** Vectors of items are in the index: no model is asked. */
async function queryOfItem(catalogue: Catalogue, id: string, threads: string | undefined): Promise<Query[]> {
  const row = rowFinder(catalogue)(id);
  await useEngine(threads);
  const { dimension, vectors } = catalogue;
  const vector = decodeHalf(vectors.subarray(row * dimension, (row + 1) * dimension));
  return [{ name: id, vector, image: pictureOf(catalogue, row), row }];
}
