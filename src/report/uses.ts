// The sections of what a shop does with a model, one a use: what `selvedge measure` found, published figures beside it, a picture where there is
// one. Not here: measuring. Invariant: what was not measured is not spoken of; what was measured on made data says so.

import { publishedFigures, publishedOf } from './anchors.ts';
import { itemsDrawing } from './detected-items.ts';
import type { FigurePlan } from './figure-plan.ts';
import { formatCount, formatPercent } from './format.ts';
import { sampleGrid } from './image-grid.ts';
import { type Markup, markup, type Section, table } from './page.ts';
import type { FigureFinder } from './study-evaluation.ts';
import type { Drawing } from './svg.ts';
import type { ReportAnchor, ReportUses, UseResults } from './uses-input.ts';

export type UseTopic = 'deviations' | 'found-items' | 'designs';

/** The figures of the sections, in their order. */
export function usePlans({ results: { defects, detection, generation } }: ReportUses): FigurePlan<UseTopic>[] {
  const plan = (topic: UseTopic, caption: string, description: string, drawing: Drawing): FigurePlan<UseTopic> => ({
    topic,
    caption,
    panels: [{ suffix: topic, title: caption, description, drawing }],
  });
  const plans: FigurePlan<UseTopic>[] = [];
  if (defects?.examples) {
    const names = defects.examples.map(({ name }) => name).join(', ');
    const caption = 'Made defects, and where an inspection that has seen good pictures only says they are';
    plans.push(
      plan('deviations', caption, `Pictures without and with the map: ${names}`, sampleGrid(defects.examples)),
    );
  }
  if (detection?.example) {
    const { picture, items } = detection.example;
    const drawn = items.map(({ class: name, label, score, box }) => ({
      box,
      label,
      text: `${name} ${formatPercent(score, 0)}`,
    }));
    const caption = 'A made scene of test images and the items that the detector finds in it';
    plans.push(plan('found-items', caption, drawn.map(({ text }) => text).join(', '), itemsDrawing(picture, drawn)));
  }
  if (generation?.examples) {
    const names = generation.examples.map(({ name }) => name).join(', ');
    const caption = 'Designs by class, the first ones of the measure';
    plans.push(
      plan('designs', caption, `Pictures that nobody has photographed: ${names}`, sampleGrid(generation.examples)),
    );
  }
  return plans;
}

/** A figure, ours, and what was published of it. */
type Row = readonly [figure: string, here: string, published?: string | undefined];

interface Use {
  readonly id: string;
  readonly title: string;
  readonly measures: readonly (keyof UseResults)[];
  rows(results: UseResults): Row[];
  readonly figure?: UseTopic;
}

const three = (value: number): string => value.toFixed(3);
const interval = ({ low, high }: { readonly low: number; readonly high: number }, digits = 3): string =>
  `${low.toFixed(digits)} to ${high.toFixed(digits)}`;
const found = <T>(result: T | undefined, rows: (result: T) => Row[]): Row[] =>
  result === undefined ? [] : rows(result);

const uses: readonly Use[] = [
  {
    id: 'categorise',
    title: 'Categorise',
    measures: ['categorise'],
    rows: ({ categorise }) =>
      found(categorise, ({ promises }) =>
        promises.map(({ errorRate, test: { taken, errors } }) => [
          `Taken without asking, where ${formatPercent(errorRate, 1)} of them may be wrong`,
          `${formatPercent(taken, 1)}, of which ${formatPercent(errors)} wrong`,
        ]),
      ),
  },
  {
    id: 'recommend',
    title: 'Recommend',
    measures: ['retrieval', 'recommendation'],
    rows: ({ retrieval, recommendation }) => [
      ...found(retrieval, ({ amongTraining, amongTest, anchors }): Row[] => [
        [
          'Mean average precision of a search among the training images',
          `${three(amongTraining.meanAveragePrecision)} (${interval(amongTraining.interval95)})`,
          publishedOf(anchors),
        ],
        [
          'The first and the first ten are of the same class',
          `${three(amongTraining.precisionAt1)}, ${three(amongTraining.precisionAt10)}`,
        ],
        ['Mean average precision among the other test images', three(amongTest.meanAveragePrecision)],
      ]),
      ...found(recommendation, ({ shoppers, lists }) =>
        Object.entries(lists).map(
          ([name, { hitRate, ndcg }]): Row => [
            `Hit rate and nDCG of ten items for ${formatCount(shoppers)} made shoppers: ${name}`,
            `${three(hitRate)}, ${three(ndcg)}`,
          ],
        ),
      ),
    ],
  },
  {
    id: 'inspect',
    title: 'Inspect',
    measures: ['anomaly', 'defects'],
    figure: 'deviations',
    rows: ({ anomaly, defects }) => [
      ...found(anomaly, ({ meanAuroc, anchors }): Row[] => [
        ['Mean AUROC of the ten one-class tasks', three(meanAuroc.combined ?? Number.NaN), publishedOf(anchors)],
      ]),
      ...found(defects, ({ meanAuroc, meanPixelAuroc, falseAlarms, wantedFalseAlarms, drifts }): Row[] => {
        const sum = (of: 'streams' | 'noticed'): number => drifts.measured.reduce((total, each) => total + each[of], 0);
        return [
          ['AUROC of made defects, by picture and by pixel', `${three(meanAuroc)}, ${three(meanPixelAuroc)}`],
          [`False alarms, where ${formatPercent(wantedFalseAlarms, 0)} are wanted`, formatPercent(falseAlarms, 1)],
          ['Made drifts of light and camera that are noticed', `${sum('noticed')} of ${sum('streams')}`],
        ];
      }),
    ],
  },
  {
    id: 'trends',
    title: 'Watch trends',
    measures: ['quantification', 'trends'],
    rows: ({ quantification, trends }) => [
      ...found(quantification, ({ methods }) =>
        methods.map(
          ({ what, absoluteError }): Row => [
            `Mean error of a class’s share, ${what}`,
            absoluteError.toFixed(4),
            undefined,
          ],
        ),
      ),
      ...found(trends, ({ kinds, combinations: { planted, foundPlanted, falseDiscoveries } }) => [
        ...kinds.flatMap(({ name, changes, falseAlarmsIn1000Days }): Row[] => [
          ...changes.map(
            ({ rise, told, medianDelayDays }): Row => [
              `A made rise by ${formatPercent(rise, 0)} of all sales is told, ${name}`,
              `${formatPercent(told, 1)}, after ${medianDelayDays} days`,
            ],
          ),
          [`False alarms in 1,000 days, made, ${name}`, falseAlarmsIn1000Days.toFixed(2)],
        ]),
        [
          'Made combinations that are found',
          `${formatPercent(foundPlanted, 0)} of ${planted}, ${falseDiscoveries} false`,
        ],
      ]),
    ],
  },
  {
    id: 'detect',
    title: 'Find items in pictures',
    measures: ['detection'],
    figure: 'found-items',
    rows: ({ detection }) =>
      found(detection, ({ kinds, anchors }) =>
        kinds.map(
          ({ kind, scenes, at50, mean }): Row => [
            `mAP at .5 and at .5 to .95, ${formatCount(scenes)} made scenes: ${kind}`,
            `${three(at50)}, ${three(mean)}`,
            publishedOf(anchors),
          ],
        ),
      ),
  },
  {
    id: 'generate',
    title: 'New designs',
    measures: ['generation'],
    figure: 'designs',
    rows: ({ generation }) =>
      found(generation, ({ count, fid, agreement, ways, learning, nearest, anchors }): Row[] => [
        [
          `Distance of features (FID) of ${formatCount(count)} designs, and of real images`,
          `${fid.designs.toFixed(2)}, ${fid.floor.toFixed(2)}`,
          publishedOf(anchors, /FID/),
        ],
        [
          'The classifier sees the class that was asked for',
          `${three(agreement.share)} (${interval(agreement.interval95)})`,
          publishedOf(anchors, /agreement/),
        ],
        [
          `FID of what is halfway between ${formatCount(ways.pairs)} pairs of pictures, of their ends, and of their means`,
          [ways.fid.halves, ways.fid.ends, ways.fid.means].map((value) => value.toFixed(1)).join(', '),
        ],
        [
          'Accuracy after learning from designs alone, and from as many images',
          `${three(learning.fromDesigns)}, ${three(learning.fromImages)}`,
        ],
        [
          'Levels to the nearest training image: of designs, and of test images',
          `${nearest.designs.median.toFixed(1)}, ${nearest.test.median.toFixed(1)}`,
        ],
      ]),
  },
];

/** A section a use that was measured. */
export function useSections(input: ReportUses | undefined, find: FigureFinder): Section[] {
  if (!input) return [];
  return uses.flatMap((use) => {
    const rows = use.rows(input.results);
    if (rows.length === 0) return [];
    return [{ id: `use-${use.id}`, title: use.title, body: bodyOf(use, rows, input, find) }];
  });
}

function bodyOf(
  { measures, figure }: Use,
  rows: readonly Row[],
  { results, own }: ReportUses,
  find: FigureFinder,
): Markup[] {
  const known = measures.filter((name) => results[name] !== undefined);
  const mine = known.filter((name) => own.includes(name));
  const whose =
    mine.length === 0
      ? 'Of the models that ship, on the whole data set'
      : mine.length === known.length
        ? 'Of this run'
        : `Of this run: ${mine.join(', ')}; of the models that ship, on the whole data set: ${known.filter((name) => !own.includes(name)).join(', ')}`;
  const commands = known.map((name) => `selvedge measure ${name}`).join(', ');
  const columns = [{ title: 'Figure' }, { title: 'Here', numeric: true }, { title: 'Published', numeric: true }];
  const anchors = known.flatMap((name) => (results[name] as { anchors?: readonly ReportAnchor[] }).anchors ?? []);
  return [
    table(
      markup`${whose}; <code>${commands}</code>`,
      columns,
      rows.map(([what, here, published]) => [what, here, published ?? '–']),
    ),
    publishedFigures(anchors),
    ...(figure === undefined ? [] : find(figure)),
  ];
}
