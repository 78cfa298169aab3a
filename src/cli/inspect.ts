// selvedge inspect: learn what good pictures look like, from good ones only, and tell what deviates, where, and whether light or camera have
// changed. Not here: how (apps/inspect). Invariant: a model is written whole or not at all.
import { fitDrift, watchDrift } from '../apps/inspect/drift.ts';
import { fewestGood, fitInspector, type Inspection, inspectImages } from '../apps/inspect/inspector.ts';
import { encodeInspector } from '../apps/inspect/inspector-file.ts';
import { farthestOf, paintInspection } from '../apps/inspect/paint-inspection.ts';
import { openInspectionNetwork } from '../apps/inspect/shipped-network.ts';
import { SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';
import { explanationGrid, explanationMosaic } from '../report/explanation-figure.ts';
import { encodeGrayPng } from '../report/png.ts';
import { frame, standaloneSvg } from '../report/svg.ts';
import { usageError } from './arguments.ts';
import { type CommandContext, type CommandOutput, command, exitCodes } from './command.ts';
import { short } from './explain-output.ts';
import { type InspectedPicture, readInspected } from './inspect-pictures.ts';
import { readInspector } from './inspector-files.ts';
import { orBuild, wholeNumber } from './options.ts';
import { pixelsOfPictures } from './picture-files.ts';

const SIDE = 28;

export const inspect = command({
  name: 'inspect',
  description: 'Tell pictures that deviate from good ones, and where',
  takesList: true,
  args: {
    action: { type: 'positional', required: true, description: 'train FOLDER|IDX --out MODEL, or run MODEL IMAGE' },
    source: { type: 'positional', required: false, description: 'Pictures, folders of pictures or IDX files' },
    out: { type: 'string', valueHint: 'file', description: 'train: the model; run: a figure, .svg or .png' },
    'false-alarms': {
      type: 'string',
      valueHint: 'share',
      description: 'train: share of good pictures that may be alarms (default: 0.05)',
    },
    seed: { type: 'string', valueHint: 'number', description: 'train: seed (default: 1)' },
    fit: {
      type: 'enum',
      options: ['object', 'whole'] as ('object' | 'whole')[],
      description: 'train: inspect the object that stands out from its ground, or the whole picture (default: object)',
    },
  },
  async run(args, context) {
    const [action, ...sources] = args._;
    if (action === 'train') return train(args, sources, context);
    if (action === 'run') return run(args, sources, context);
    throw usageError(`Unknown action "${action}" of inspect: expected train or run`);
  },
});

interface InspectArguments {
  readonly out?: string | undefined;
  readonly 'false-alarms'?: string | undefined;
  readonly seed?: string | undefined;
  readonly fit?: 'object' | 'whole' | undefined;
  readonly verbose?: boolean | undefined;
}

async function train(args: InspectArguments, sources: readonly string[], context: CommandContext) {
  if (sources.length === 0) throw usageError('Missing FOLDER or IDX of good pictures: see selvedge inspect --help');
  if (args.out === undefined) throw usageError('Missing --out: the file that the model goes to');
  const rate = args['false-alarms'];
  const falseAlarms = rate === undefined ? 0.05 : Number(rate);
  if (!(falseAlarms > 0 && falseAlarms <= 0.5)) {
    throw usageError(`Option "--false-alarms" got "${rate}": expected a share above 0, at most 0.5`);
  }
  const seed = wholeNumber('seed', args.seed, 0, 0xffffffff) ?? 1;
  const preparation = { side: SIDE, channels: 1, fit: args.fit ?? 'object' } as const;
  const { pictures, failures } = await readInspected(sources, preparation, context, args.verbose === true);
  if (pictures.length < fewestGood(falseAlarms)) {
    throw new SelvedgeError(
      'inspect/few',
      `Cannot hold false alarms to ${falseAlarms}: expected at least ${fewestGood(falseAlarms)} good pictures, got ${pictures.length}; give more, or a higher rate`,
    );
  }
  const network = await orBuild(openInspectionNetwork);
  const inspector = fitInspector(pixelsOfPictures(asImages(pictures)), network, { falseAlarms, seed });
  const statistics = Float64Array.from(pictures.flatMap((picture) => [...picture.statistics]));
  const bytes = await encodeInspector({ inspector, drift: fitDrift(statistics, seed), preparation });
  const out = platform.files.resolve(context.cwd, args.out);
  await platform.files.write(out, bytes);
  const held = inspector.heldOut.length;
  return {
    json: {
      model: out,
      bytes: bytes.length,
      good: { learntFrom: inspector.learntFrom, heldOut: held },
      falseAlarms,
      threshold: short(inspector.threshold),
      failures,
    },
    text: [
      `Learnt from ${inspector.learntFrom} good pictures; ${held} held out set the threshold for ${100 * falseAlarms}% false alarms`,
      `Model: ${out} (${Math.ceil(bytes.length / 1024)} KB)`,
    ].join('\n'),
    exitCode: failures.length > 0 ? exitCodes.failure : exitCodes.ok,
  };
}

async function run(
  args: InspectArguments,
  [modelFile, ...sources]: readonly string[],
  context: CommandContext,
): Promise<CommandOutput> {
  for (const name of ['false-alarms', 'seed', 'fit'] as const) {
    if (args[name] !== undefined) throw usageError(`Option "--${name}" belongs to inspect train: the model holds it`);
  }
  if (modelFile === undefined || sources.length === 0) {
    throw usageError('Missing MODEL or IMAGE: selvedge inspect run MODEL IMAGE …');
  }
  if (args.out !== undefined && !/\.(svg|png)$/i.test(args.out)) {
    throw usageError(`Option "--out" got "${args.out}": expected a file that ends in .svg or .png`);
  }
  const stored = await readInspector(modelFile, context);
  const { pictures, failures } = await readInspected(sources, stored.preparation, context, args.verbose === true);
  const network = await orBuild(openInspectionNetwork);
  const found = pictures.flatMap(({ pixels }) => {
    if (context.signal.aborted) throw new SelvedgeError('cli/interrupted', 'Interrupted');
    return inspectImages(stored.inspector, network, pixels);
  });
  const watch = watchDrift(stored.drift);
  const drift = pictures.reduce<ReturnType<typeof watch.next>>(
    (_, { statistics }) => watch.next(statistics),
    undefined,
  );
  const out = args.out === undefined || found.length === 0 ? undefined : platform.files.resolve(context.cwd, args.out);
  if (out !== undefined) await writeFigure(out, pictures, found);
  const alarms = found.filter(({ isAlarm }) => isAlarm).length;
  return {
    json: {
      falseAlarms: stored.inspector.settings.falseAlarms,
      threshold: short(stored.inspector.threshold),
      images: found.map(({ map, ...rest }, i) => ({
        file: pictures[i]!.file,
        verdict: rest.isAlarm ? 'deviates' : 'good',
        score: short(rest.score),
        probability: short(rest.probability),
        parts: { pixels: short(rest.parts.pixels), density: short(rest.parts.density) },
        farthest: farthestOf(map, SIDE),
        map: Array.from({ length: SIDE }, (_, y) => Array.from(map.subarray(y * SIDE, (y + 1) * SIDE), short)),
      })),
      drift: drift ? { ...drift, file: pictures[drift.noticedAt]!.file } : null,
      failures,
      ...(out === undefined ? {} : { figure: out }),
    },
    text: [
      ...found.map(({ isAlarm, score, probability, map }, i) => {
        const { x, y } = farthestOf(map, SIDE);
        return `${pictures[i]!.file}  ${isAlarm ? `deviates, most at column ${x}, row ${y} of ${SIDE}` : 'good'}  (score ${score.toFixed(2)}, p ${probability.toFixed(3)})`;
      }),
      `${alarms} of ${found.length} deviate; of good ones ${100 * stored.inspector.settings.falseAlarms}% would`,
      ...(drift
        ? [
            `Light or camera have changed: ${drift.statistic} went ${drift.direction} from picture ${drift.since + 1} on, noticed at ${drift.noticedAt + 1}; check them before trusting what deviates`,
          ]
        : []),
      ...(out === undefined ? [] : [`Figure: ${out}`]),
    ].join('\n'),
    exitCode: failures.length > 0 ? exitCodes.failure : exitCodes.ok,
  };
}

const asImages = (pictures: readonly InspectedPicture[]) => pictures.map(({ pixels }) => ({ image: { pixels } }));

async function writeFigure(
  out: string,
  pictures: readonly InspectedPicture[],
  found: readonly Inspection[],
): Promise<void> {
  const rows = found.map(({ map, isAlarm, score }, i) => ({
    labels: [platform.files.basename(pictures[i]!.file), `${isAlarm ? 'deviates' : 'good'} ${score.toFixed(2)}`],
    image: { width: SIDE, height: SIDE, pixels: pictures[i]!.pixels },
    overlays: [{ colours: paintInspection(map) }],
  }));
  if (/\.svg$/i.test(out)) {
    const figure = frame(explanationGrid(rows, { methods: ['where'] }), {
      name: 'inspection',
      title: 'What deviates, and where',
      description: rows.map(({ labels }) => labels.join(': ')).join(', '),
    });
    return platform.files.write(out, standaloneSvg(figure));
  }
  const mosaic = explanationMosaic(rows);
  if (mosaic) return platform.files.write(out, encodeGrayPng(mosaic));
  throw new SelvedgeError(
    'inspect/too-many',
    `Cannot write "${out}": expected pictures that fit into 1024 pixels, got ${rows.length}; an .svg holds any number`,
  );
}
