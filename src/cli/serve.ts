// selvedge serve: answer over HTTP what pictures show, by the shipped model or an exported one, until Ctrl-C.
// Not here: the app (src/serve/). Invariant: the address is printed when requests are taken, not before.
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { readShippedFile, shippedNames } from '../models/shipped.ts';
import { platform } from '../platform/index.ts';
import type { LocalAppOptions } from '../serve/local.ts';
import { usageError } from './arguments.ts';
import { type CommandContext, command } from './command.ts';
import { checkThreads, threadsOption, wholeNumber } from './options.ts';

const DEFAULT_PORT = 8000;
const MOST_WORKERS = 256;

export const serve = command({
  name: 'serve',
  description: 'Answer over HTTP what pictures show',
  endsItself: true,
  args: {
    port: { type: 'string', valueHint: 'port', description: `Default: ${DEFAULT_PORT}; 0: any that is free` },
    host: {
      type: 'string',
      valueHint: 'address',
      default: '127.0.0.1',
      description: 'Address to listen on; 0.0.0.0 lets other machines ask',
    },
    workers: {
      type: 'string',
      valueHint: 'count',
      description: 'Threads that read pictures (default: one a core); 0: none but the one that answers',
    },
    model: {
      type: 'string',
      valueHint: 'name or file',
      description: `One that ships: ${shippedNames.join(', ')} (default: best), or a file of selvedge export`,
    },
    catalogue: {
      type: 'string',
      valueHint: 'file',
      description: 'Index of selvedge index: answer what is similar and what to recommend, too',
    },
    inspector: {
      type: 'string',
      valueHint: 'files',
      description: 'Models of selvedge inspect train, with commas between: answer what deviates, too',
    },
    ...threadsOption,
  },
  async run(args, context) {
    checkThreads(args.threads);
    if (args.threads !== undefined && args.catalogue === undefined)
      throw usageError('Option "--threads" needs "--catalogue": it is of the engine that searches');
    const port = wholeNumber('port', args.port, 0, 65_535) ?? DEFAULT_PORT;
    const workers = wholeNumber('workers', args.workers, 0, MOST_WORKERS);
    const { json, verbose } = args as { json?: boolean; verbose?: boolean };
    const onError = (error: unknown): void => {
      const stack = verbose && error instanceof Error ? `\n${error.stack}` : '';
      context.writeError(`selvedge: a request failed: ${messageOf(error)}${stack}\n`);
    };
    // Loaded here: other commands start without the server.
    const { createLocalApp } = await import('../serve/local.ts');
    const shop = args.catalogue === undefined ? undefined : await openShop(args.catalogue, args.threads, context);
    const inspection = args.inspector === undefined ? undefined : await openInspection(args.inspector, context);
    const app = await createLocalApp({
      ...(await modelOf(args.model, context)),
      ...(shop && { shop }),
      ...(inspection && { inspection }),
      ...(workers === undefined ? {} : { workers }),
      onError,
    });
    try {
      const server = await platform.serve((request) => app.fetch(request), { host: args.host, port });
      const { url } = server;
      context.write(
        json
          ? `${JSON.stringify({ url })}\n`
          : welcome(url, { ...(shop && { shop }), ...(inspection && { inspection }) }),
      );
      await interruption(context.signal);
      await server.stop();
    } finally {
      await app.close();
    }
    return { json: undefined, text: '' };
  },
});

async function modelOf(file: string | undefined, context: CommandContext): Promise<LocalAppOptions> {
  if (file === undefined) return {};
  const shipped = shippedNames.find((name) => name === file);
  if (shipped) return { model: await readShippedFile(shipped) };
  const path = platform.files.resolve(context.cwd, file);
  const status = await platform.files.status(path);
  if (status && !status.isFolder) return { model: await platform.files.readBytes(path) };
  throw new SelvedgeError(
    'serve/no-file',
    `Cannot read "${file}": expected one of ${shippedNames.join(', ')} or a model file of selvedge export, got ${status ? 'a folder' : 'nothing'}`,
  );
}

/** Loaded here: a server without a catalogue starts without tfjs. */
async function openShop(
  file: string,
  threads: string | undefined,
  context: CommandContext,
): Promise<LocalAppOptions['shop']> {
  const [{ openEmbedderOf, readIndex }, { preparationFor }, { createShop }] = await Promise.all([
    import('./catalogue-files.ts'),
    import('./chosen-model.ts'),
    import('../serve/shop.ts'),
  ]);
  const catalogue = await readIndex(file, context);
  const { chosen, embedder } = await openEmbedderOf(catalogue, { threads }, context);
  return createShop(catalogue, embedder, preparationFor(chosen, 'similar'));
}

/** Loaded here, too. Inspectors are asked for by their files' names, without what is behind the last dot. */
async function openInspection(list: string, context: CommandContext): Promise<LocalAppOptions['inspection']> {
  const [{ readInspector }, { openInspectionNetwork }, { createInspection }] = await Promise.all([
    import('./inspector-files.ts'),
    import('../apps/inspect/shipped-network.ts'),
    import('../serve/inspection.ts'),
  ]);
  const inspectors: Record<string, Awaited<ReturnType<typeof readInspector>>> = {};
  for (const file of list.split(',')) {
    const name = platform.files.basename(file).replace(/\.[^.]*$/, '');
    if (name === '' || Object.hasOwn(inspectors, name)) {
      throw usageError(`Option "--inspector" got "${list}": expected files of different names, with commas between`);
    }
    inspectors[name] = await readInspector(file, context);
  }
  return createInspection(inspectors, await openInspectionNetwork(), () => platform.giveWay());
}

function welcome(url: string, { shop, inspection }: Pick<LocalAppOptions, 'shop' | 'inspection'>): string {
  const [first, ...others] = Object.keys(inspection?.inspectors ?? {});
  return [
    `Serving on ${url}, until Ctrl-C`,
    '',
    `  curl -H 'content-type: image/jpeg' --data-binary @shoe.jpg ${url}/classify`,
    `  curl -H 'content-type: image/jpeg' --data-binary @shelf.jpg ${url}/detect`,
    `  curl -F image=@one.png -F image=@two.png ${url}/classify`,
    ...(shop
      ? [
          `  curl -H 'content-type: image/jpeg' --data-binary @shoe.jpg '${url}/similar?count=5'`,
          `  curl -H 'content-type: application/json' -d '{"events": []}' ${url}/recommend`,
        ]
      : []),
    ...(first === undefined
      ? []
      : [
          `  curl -H 'content-type: image/jpeg' --data-binary @shoe.jpg '${url}/inspect${others.length > 0 ? `?inspector=${encodeURIComponent(first)}` : ''}'`,
        ]),
    `  curl ${url}/openapi.json`,
    '',
  ].join('\n');
}

function interruption(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
