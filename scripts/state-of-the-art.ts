// What the record runs came to, beside what others have published: docs/results/record.json, docs/state-of-the-art.svg and the table in
// docs/state-of-the-art.md. Run it by `npx selvedge task state-of-the-art`, after `record:120`, whose runs it reads.
// Invariant: ours are what `selvedge evaluate` wrote; theirs are docs/results/published.json; nothing is typed in here.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { LayerSummary } from '../src/models/index.ts';
import { draw, heading } from '../src/report/charts.ts';
import { frame, standaloneSvg } from '../src/report/index.ts';
import { colours } from '../src/report/palette.ts';

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
  readonly settings: { readonly seed: number; readonly epochs: number; readonly examples: number };
  readonly summary: { readonly layers: readonly LayerSummary[]; readonly totalParameters: number };
}

/** Of one image, forward: convolutions and dense layers, the rest is a hundredth. */
function flopOf(layers: readonly LayerSummary[]): number {
  return layers.reduce((sum, { type, parameters, outputShape }) => {
    if (type !== 'Conv2D' && type !== 'Dense') return sum;
    const positions = type === 'Conv2D' ? outputShape[0]! * outputShape[1]! : 1;
    return sum + 2 * parameters * positions;
  }, 0);
}

const RECIPE = 'record-30';
const evaluated = readdirSync(`${root}runs`).filter(
  (run) => /^record-\d+$/.test(run) && existsSync(`${root}runs/${run}/${RECIPE}/evaluation.json`),
);
if (evaluated.length === 0)
  throw new Error('no run of record-30 is evaluated: run npm run record:30, or record:120, first');
const seeds = evaluated
  .map((run) => {
    const { settings, summary } = read<Config>(`runs/${run}/${RECIPE}/config.json`);
    const { accuracy, accuracyInterval95, views } = read<Evaluated>(`runs/${run}/${RECIPE}/evaluation.json`);
    const trainingFlop = 3 * flopOf(summary.layers) * settings.examples * settings.epochs;
    return {
      seed: settings.seed,
      accuracy,
      accuracyInterval95,
      views,
      parameters: summary.totalParameters,
      trainingFlop,
    };
  })
  .sort((a, b) => a.seed - b.seed);
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const ensembleFolder = 'runs/record/ensemble';
const ensemble = existsSync(`${root}${ensembleFolder}/evaluation.json`)
  ? (({ accuracy, accuracyInterval95, views }) => ({
      members: read<{ settings: { members: readonly { name: string }[] } }>(`${ensembleFolder}/config.json`).settings
        .members.length,
      accuracy,
      accuracyInterval95,
      views,
    }))(read<Evaluated>(`${ensembleFolder}/evaluation.json`))
  : undefined;
const record = { seeds, meanAccuracy: mean(seeds.map(({ accuracy }) => accuracy)), ...(ensemble ? { ensemble } : {}) };
writeFileSync(`${root}docs/results/record.json`, `${JSON.stringify(record, null, 2)}\n`);

interface Row {
  readonly name: string;
  readonly accuracy: number;
  readonly parameters: number | null;
  readonly trainingFlop: number | null;
  readonly epoch: string;
  readonly source: string;
  readonly isOurs: boolean;
}

const [first] = seeds as [(typeof seeds)[number]];
const LAST = 'last';
const ours: Row[] = [
  {
    name: `record-30, mean of ${seeds.length} ${seeds.length === 1 ? 'seed' : 'seeds'}`,
    accuracy: record.meanAccuracy,
    parameters: first.parameters,
    trainingFlop: first.trainingFlop,
    epoch: LAST,
    source: '`npm run record:30`',
    isOurs: true,
  },
];
if (ensemble) {
  const { members, accuracy } = ensemble;
  ours.push({
    name: `record-120, ${members} networks averaged`,
    accuracy,
    parameters: members * first.parameters,
    trainingFlop: members * first.trainingFlop,
    epoch: LAST,
    source: '`npm run record:120`',
    isOurs: true,
  });
}
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
console.log(`docs/state-of-the-art.md: ${rows.length} results; mean of ours ${record.meanAccuracy.toFixed(4)}`);
