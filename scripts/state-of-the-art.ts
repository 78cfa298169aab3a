// What the record runs came to, beside what others have published: docs/results/record.json, docs/state-of-the-art.svg and the table in
// docs/state-of-the-art.md. Run it by `npx selvedge task state-of-the-art`, which makes what it reads. Of a run that is not there the record of
// an earlier call stays, and a line says so.
// Invariant: ours are what `selvedge evaluate` wrote; theirs are docs/results/published.json; nothing is typed in here.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { LayerSummary } from '../src/models/index.ts';
import { draw, heading } from '../src/report/charts.ts';
import { frame, standaloneSvg } from '../src/report/index.ts';
import { colours } from '../src/report/palette.ts';
import { ofSeeds } from './short-runs/short-run.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = <T>(path: string): T => JSON.parse(readFileSync(root + path, 'utf8'));

interface Published {
  readonly name: string;
  readonly accuracy: number;
  readonly parameters: number | null;
  readonly trainingFlop: number | null;
  readonly epoch: string;
  readonly source: string;
}

interface Evaluated {
  readonly accuracy: number;
  readonly accuracyInterval95: { readonly low: number; readonly high: number };
  readonly views: string;
}

interface Config {
  readonly settings: {
    readonly model: string;
    readonly seed: number;
    readonly epochs: number;
    readonly examples: number;
  };
  readonly summary: { readonly layers: readonly LayerSummary[]; readonly totalParameters: number };
}

interface EnsembleConfig {
  readonly settings: { readonly members: readonly unknown[] };
}

/** Of one image, forward: convolutions and dense layers, the rest is a hundredth. */
function flopOf(layers: readonly LayerSummary[]): number {
  return layers.reduce((sum, { type, parameters, outputShape }) => {
    if (type !== 'Conv2D' && type !== 'Dense') return sum;
    const positions = type === 'Conv2D' ? outputShape[0]! * outputShape[1]! : 1;
    return sum + 2 * parameters * positions;
  }, 0);
}

const VIEWS = 'shifted';
const SEEDS = [1, 2, 3] as const;

const evaluationOf = (folder: string): Evaluated | undefined => {
  const path = `runs/${folder}/evaluation.json`;
  if (!existsSync(`${root}${path}`)) return undefined;
  const evaluated = read<Evaluated>(path);
  if (evaluated.views === VIEWS) return evaluated;
  throw new Error(`${path} is of other views: evaluate it again with --views ${VIEWS}`);
};

/** What a network came to; undefined where its run is not there, or is not evaluated. */
function networkOf(folder: string, recipe: string, seed: number) {
  const evaluated = evaluationOf(folder);
  if (!evaluated) return undefined;
  const { accuracy, accuracyInterval95, views } = evaluated;
  const { settings, summary } = read<Config>(`runs/${folder}/config.json`);
  const { epochs } = read<{ epochs: number }>(`assets/recipes/${recipe}.json`);
  if (settings.model !== recipe || settings.seed !== seed || settings.epochs !== epochs)
    throw new Error(`runs/${folder} is another training: expected recipe ${recipe}, ${epochs} epochs, seed ${seed}`);
  const trainingFlop = 3 * flopOf(summary.layers) * settings.examples * settings.epochs;
  const parameters = summary.totalParameters;
  return { seed: settings.seed, accuracy, accuracyInterval95, views, parameters, trainingFlop };
}
type Network = NonNullable<ReturnType<typeof networkOf>>;

function ensembleOf(folder: string) {
  const evaluated = evaluationOf(folder);
  if (!evaluated) return undefined;
  const { accuracy, accuracyInterval95, views } = evaluated;
  const { members } = read<EnsembleConfig>(`runs/${folder}/config.json`).settings;
  return { members: members.length, accuracy, accuracyInterval95, views };
}

interface Recorded {
  readonly seeds: readonly Network[];
  readonly ensemble: NonNullable<ReturnType<typeof ensembleOf>>;
  readonly long: Network;
}
const RESULTS = 'docs/results/record.json';
const earlier = existsSync(`${root}${RESULTS}`) ? read<Partial<Recorded>>(RESULTS) : {};

/** What a run came to, now or, to the bit the same, in an earlier call. */
function known<T>(folder: string, now: T | undefined, before: T | undefined): T {
  if (now) return now;
  if (before) {
    console.log(`runs/${folder} is not here: as recorded before`);
    return before;
  }
  throw new Error(`runs/${folder} is not evaluated: run npx selvedge task state-of-the-art, which trains it first`);
}
const seeds = SEEDS.map((seed) => {
  const folder = `record-${seed}/record-30`;
  return known(
    folder,
    networkOf(folder, 'record-30', seed),
    earlier.seeds?.find((one) => one.seed === seed),
  );
});
const [ENSEMBLE, LONG] = ['record/ensemble', 'record-long/record-120'] as const;
const ensemble = known(ENSEMBLE, ensembleOf(ENSEMBLE), earlier.ensemble);
const long = known(LONG, networkOf(LONG, 'record-120', 1), earlier.long);
const { mean, low, high } = ofSeeds(seeds.map(({ accuracy }) => accuracy));
const record = { seeds, meanAccuracy: mean, meanInterval95: { low, high }, ensemble, long };
writeFileSync(`${root}${RESULTS}`, `${JSON.stringify(record, null, 2)}\n`);

interface Row {
  readonly name: string;
  readonly accuracy: number;
  readonly parameters: number | null;
  readonly trainingFlop: number | null;
  readonly epoch: string;
  readonly source: string;
  readonly isOurs: boolean;
}

const first = seeds[0]!;
const LAST = 'last';
const row = { epoch: LAST, isOurs: true };
const ours: Row[] = [
  { ...row, ...first, name: `record-30, mean of ${seeds.length} seeds`, accuracy: mean, source: '`npm run record:30`' },
  {
    ...row,
    name: `record-30, ${ensemble.members} networks averaged`,
    accuracy: ensemble.accuracy,
    parameters: ensemble.members * first.parameters,
    trainingFlop: ensemble.members * first.trainingFlop,
    source: '`npx selvedge task record:ensemble`',
  },
  { ...row, ...long, name: 'record-120', source: '`npm run record:120`' },
];
const { results } = read<{ results: readonly Published[] }>('docs/results/published.json');
const rows: Row[] = [...ours, ...results.map((result) => ({ ...result, isOurs: false }))].sort(
  (a, b) => b.accuracy - a.accuracy,
);

const amount = (value: number | null): string =>
  value === null ? 'not told' : value.toExponential(1).replace('e+', 'e');
const table = [
  '| Network | Test accuracy | Parameters | FLOP of training | Epoch reported | Source |',
  '|---|---|---|---|---|---|',
  ...rows.map(({ name, accuracy, parameters, trainingFlop, epoch, source, isOurs }) => {
    const shown = accuracy.toFixed(4).slice(1);
    return `| ${isOurs ? `**${name}**` : name} | ${isOurs ? `**${shown}**` : shown} | ${amount(parameters)} | ${amount(trainingFlop)} | ${epoch} | ${source} |`;
  }),
].join('\n');
const page = `${root}docs/state-of-the-art.md`;
const [before, after] = [/^[\s\S]*?<!-- table -->\n/, /\n<!-- end of table -->[\s\S]*$/].map(
  (part) => readFileSync(page, 'utf8').match(part)![0],
);
writeFileSync(page, `${before}\n${table}\n${after}`);

const kindOf = ({ isOurs, epoch }: Row): string =>
  isOurs ? 'ours' : epoch === LAST ? 'last epoch' : 'best epoch, or not told';
const points = rows
  .filter(({ trainingFlop }) => trainingFlop !== null)
  .map((row) => ({ name: row.name, flop: row.trainingFlop, accuracy: row.accuracy, kind: kindOf(row) }));
const kinds = ['ours', 'last epoch', 'best epoch, or not told'];
const range = [colours.accent, colours.second, colours.muted];
const axis = { grid: true, domain: false, ticks: false, labelPadding: 6 };
const x = {
  field: 'flop',
  type: 'quantitative',
  axis: { ...axis, title: 'FLOP of the training', format: '~e', values: [1e13, 1e14, 1e15, 1e16, 1e17, 1e18] },
  scale: { type: 'log', domain: [3e13, 3e18], nice: false },
};
const y = {
  field: 'accuracy',
  type: 'quantitative',
  axis: { ...axis, title: 'Test accuracy', format: '.3f', tickCount: 5 },
  scale: { domain: [0.93, 0.97], nice: false },
};
const spec = {
  width: 640,
  height: 340,
  data: { values: points },
  encoding: { x, y },
  layer: [
    {
      mark: { type: 'point', size: 70, filled: true, opacity: 1 },
      encoding: { color: { field: 'kind', type: 'nominal', scale: { domain: kinds, range }, legend: null } },
    },
    {
      mark: { type: 'text', align: 'left', dx: 9, fontSize: 11, color: colours.ink },
      encoding: { text: { field: 'name', type: 'nominal' } },
    },
  ],
} as unknown as Parameters<typeof draw>[0];
const padding = { left: 64, right: 120, top: 56, bottom: 44 };
const drawing = await draw(spec, padding);
const LEGEND_STEP = 90;
const legend = kinds.map((kind, i) => {
  const left = padding.left + i * LEGEND_STEP;
  const text = `<text x="${left + 15}" y="40" font-size="12" fill="${colours.muted}">${kind}</text>`;
  return `<circle cx="${left + 5}" cy="36" r="4" fill="${range[i]}"/>${text}`;
});
const title = 'Accuracy on Fashion-MNIST over what the training costs';
const figure = frame(
  { ...drawing, body: drawing.body + heading(title, padding.left) + legend.join('') },
  {
    name: 'state-of-the-art',
    title,
    description: points
      .map(({ name, accuracy, flop }) => `${name}: ${accuracy.toFixed(4)} for ${amount(flop)} FLOP`)
      .join('; '),
  },
);
writeFileSync(`${root}docs/state-of-the-art.svg`, standaloneSvg(figure));
console.log(`docs/state-of-the-art.md: ${rows.length} results; ours ${long.accuracy.toFixed(4)}`);
