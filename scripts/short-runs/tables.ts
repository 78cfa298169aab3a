// The tables of docs/preprocessing.md, transfer.md, augmentation.md, imbalance.md, ensembles.md and networks.md, from the results: a document's lines between
// two marks are made anew. Not here: measuring.
//
//   node --import tsx scripts/short-runs/tables.ts
import { readFileSync, writeFileSync } from 'node:fs';

interface Estimate {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

interface Measured {
  readonly accuracy: Estimate;
  readonly gain?: Estimate;
}

const BEGIN = '<!-- made by scripts/short-runs/tables.ts -->';
const END = '<!-- end -->';

const read = <T>(name: string): T => JSON.parse(readFileSync(`docs/results/${name}.json`, 'utf8')) as T;
const share = (value: number): string => value.toFixed(3).replace(/^0/, '');
const signed = (value: number): string => `${value < 0 ? '−' : '+'}${(100 * Math.abs(value)).toFixed(1)}`;
const points = ({ mean, low, high }: Estimate): string => `${signed(mean)} (${signed(low)} to ${signed(high)})`;

function put(document: string, lines: readonly string[]): void {
  const file = `docs/${document}.md`;
  const text = readFileSync(file, 'utf8');
  const [start, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (start < 0 || end < start)
    throw new Error(`Cannot write a table into "${file}": expected "${BEGIN}" and "${END}"`);
  writeFileSync(
    file,
    `${text.slice(0, start)}${[BEGIN, '', ...lines, '', END].join('\n')}${text.slice(end + END.length)}`,
  );
}

const preprocessing = read<{
  readonly results: readonly (Measured & { readonly network: string; readonly preprocessing: string })[];
}>('preprocessing');
put('preprocessing', [
  '| Network | Preprocessing | Accuracy | Points gained (95% interval) |',
  '|---|---|---|---|',
  ...preprocessing.results.map(
    ({ network, preprocessing: name, accuracy, gain }) =>
      `| \`${network}\` | ${name === 'none' ? 'none' : `\`${name}\``} | ${share(accuracy.mean)} | ${gain ? points(gain) : ''} |`,
  ),
]);

const transfer = read<{
  readonly sources: Readonly<Record<string, string>>;
  readonly results: readonly {
    readonly target: string;
    readonly share: number;
    readonly examples: number;
    readonly epochs: number;
    readonly arms: Readonly<Record<'scratch' | 'fine-tuned' | 'frozen', Measured>>;
  }[];
}>('transfer');
const mobilenet = read<{
  readonly results: readonly {
    readonly target: string;
    readonly share: number;
    readonly examples: number;
    readonly scratchEpochs: number;
    readonly headEpochs: number;
    readonly scratch: Measured;
    readonly head: Measured;
  }[];
}>('mobilenet');
put('transfer', [
  '| Target | Labels | Epochs | From scratch | Fine-tuned | Points gained (95% interval) | Last layer alone |',
  '|---|---|---|---|---|---|---|',
  ...transfer.results.map(
    ({ target, share: part, examples, epochs, arms }) =>
      `| ${target} | ${100 * part}%: ${examples} | ${epochs} | ${share(arms.scratch.accuracy.mean)} | ` +
      `${share(arms['fine-tuned'].accuracy.mean)} | ${points(arms['fine-tuned'].gain!)} | ${share(arms.frozen.accuracy.mean)} |`,
  ),
  '',
  ...Object.entries(transfer.sources).map(([target, source]) => `- Source for ${target}: ${source}.`),
  '',
  'A linear head on the features of MobileNetV2, beside `dropout` from scratch:',
  '',
  '| Target | Labels | Epochs from scratch | From scratch | Epochs of the head | Head | Points gained (95% interval) |',
  '|---|---|---|---|---|---|---|',
  ...mobilenet.results.map(
    ({ target, share: part, examples, scratchEpochs, headEpochs, scratch, head }) =>
      `| ${target} | ${100 * part}%: ${examples} | ${scratchEpochs} | ${share(scratch.accuracy.mean)} | ${headEpochs} | ` +
      `${share(head.accuracy.mean)} | ${points(head.gain!)} |`,
  ),
]);

const augmentation = read<{
  readonly regimes: readonly { readonly trainingExamples: number; readonly epochs: number }[];
  readonly classNames: readonly string[];
  readonly results: readonly (Measured & {
    readonly trainingExamples: number;
    readonly change: string;
    readonly classGains?: readonly Estimate[];
  })[];
}>('augmentation');
const surelyMoved = (gains: readonly Estimate[] = []): string =>
  augmentation.classNames
    .map((name, label) => ({ name, gain: gains[label] }))
    .filter(({ gain }) => gain && gain.low * gain.high > 0)
    .map(({ name, gain }) => `${name} ${signed(gain!.mean)}`)
    .join(', ');
put('augmentation', [
  '| Examples | Epochs | Change | Accuracy | Points gained (95% interval) | Classes whose interval excludes 0 |',
  '|---|---|---|---|---|---|',
  ...augmentation.results.map(({ trainingExamples, change, accuracy, gain, classGains }) => {
    const { epochs } = augmentation.regimes.find((regime) => regime.trainingExamples === trainingExamples)!;
    return (
      `| ${trainingExamples} | ${epochs} | ${change} | ${share(accuracy.mean)} | ${gain ? points(gain) : ''} | ` +
      `${surelyMoved(classGains)} |`
    );
  }),
  '',
  'Points that each class gained, means of the seeds:',
  '',
  `| Examples | Change | ${augmentation.classNames.join(' | ')} |`,
  `|---|---|${'---|'.repeat(augmentation.classNames.length)}`,
  ...augmentation.results
    .filter(({ classGains }) => classGains)
    .map(
      ({ trainingExamples, change, classGains }) =>
        `| ${trainingExamples} | ${change} | ${classGains!.map(({ mean }) => signed(mean)).join(' | ')} |`,
    ),
]);

const imbalance = read<{
  readonly results: readonly {
    readonly ratio: number;
    readonly remedy: string;
    readonly examples: number;
    readonly epochs: number;
    readonly balancedAccuracy: Estimate;
    readonly gain?: Estimate;
    readonly worstClass: Estimate;
    readonly worstClassGain?: Estimate;
  }[];
}>('imbalance');
put('imbalance', [
  '| Largest to smallest | Remedy | Examples | Epochs | Balanced accuracy | Points gained (95% interval) | Worst class | Points gained (95% interval) |',
  '|---|---|---|---|---|---|---|---|',
  ...imbalance.results.map(
    ({ ratio, remedy, examples, epochs, balancedAccuracy, gain, worstClass, worstClassGain }) =>
      `| ${ratio} | ${remedy} | ${examples} | ${epochs} | ${share(balancedAccuracy.mean)} | ${gain ? points(gain) : ''} | ` +
      `${share(worstClass.mean)} | ${worstClassGain ? points(worstClassGain) : ''} |`,
  ),
]);

const ensembles = read<{
  readonly results: readonly (Measured & {
    readonly arm: string;
    readonly ece: Estimate;
    readonly logLoss: Estimate;
  })[];
}>('ensembles');
put('ensembles', [
  '| | Accuracy | Points gained (95% interval) | Calibration error | Log loss |',
  '|---|---|---|---|---|',
  ...ensembles.results.map(
    ({ arm, accuracy, gain, ece, logLoss }) =>
      `| ${arm} | ${share(accuracy.mean)} | ${gain ? points(gain) : ''} | ${share(ece.mean)} | ${share(logLoss.mean)} |`,
  ),
]);

interface TrainedNetwork {
  readonly epochs: number;
  readonly validationAccuracy: number;
}
const networks = JSON.parse(readFileSync('bench/results/networks.json', 'utf8')) as {
  readonly epochs?: number;
  readonly minutes?: number;
  readonly results: readonly {
    readonly name: string;
    readonly network: object;
    readonly parameters: number;
    readonly operationsPerImage: number;
    readonly imagesPerSecond: {
      readonly firstQuartile: number;
      readonly median: number;
      readonly thirdQuartile: number;
    };
    readonly afterEpochs?: TrainedNetwork;
    readonly afterMinutes?: TrainedNetwork;
  }[];
};
const whole = (value: number): string => Math.round(value).toLocaleString('en');
const settingsText = (network: object): string =>
  JSON.stringify(network, null, 1).replace(/\s+/g, ' ').replaceAll('[ ', '[').replaceAll(' ]', ']');
const { epochs, minutes } = networks;
const trained = (outcome: TrainedNetwork | undefined): string =>
  outcome
    ? ` ${share(outcome.validationAccuracy)} (${outcome.epochs} ${outcome.epochs === 1 ? 'epoch' : 'epochs'}) |`
    : '';
put('networks', [
  '| Name | `network` of a recipe | Parameters | MFLOP an image | Images/s of training |' +
    `${epochs === undefined ? '' : ' By epochs |'}${minutes === undefined ? '' : ` In ${minutes} minutes |`}`,
  `|---|---|---|---|---|${epochs === undefined ? '' : '---|'}${minutes === undefined ? '' : '---|'}`,
  ...networks.results.map(
    ({ name, network, parameters, operationsPerImage, imagesPerSecond: speed, afterEpochs, afterMinutes }) =>
      `| \`${name}\` | \`${settingsText(network)}\` | ${whole(parameters)} | ${(operationsPerImage / 1e6).toFixed(1)} | ` +
      `${whole(speed.median)} (${whole(speed.firstQuartile)} to ${whole(speed.thirdQuartile)}) |` +
      `${trained(afterEpochs)}${trained(afterMinutes)}`,
  ),
]);
