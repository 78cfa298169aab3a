// The tables of docs/preprocessing.md and docs/transfer.md, from the results: a document's lines between two marks are made anew.
// Not here: measuring.
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
]);
