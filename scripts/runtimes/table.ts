// What was found on the runtimes, as lines for a terminal and as docs/runtimes.md. Knows no runtime.
import { modelNames } from '../../src/models/index.ts';
import type { Entry } from './runtime.ts';

/** What one entry was found to do. */
export interface Findings {
  readonly entry: Entry;
  /** What is in order, and what is not. */
  passed: number;
  readonly problems: string[];
  /** By what they are of: digests that must be those of every other runtime. */
  readonly bits: Record<string, string>;
  /** Ways by which the fingerprint was taken. */
  ways: readonly string[];
  /** The runtime's own words. */
  version?: string;
  /** Build and threads of each start of the engine. */
  starts?: string;
  machine?: string;
  /** sha256 of the kernels. */
  kernels?: string;
}

/** Digits of a sha256 that tell two apart. */
const DIGITS = 12;

const shortDigest = ({ bits }: Findings, model: string): string =>
  bits[`fingerprint of ${model}`]?.slice(0, DIGITS) ?? '-';

/** A line, and below it what is wrong. */
export function describeFindings(findings: Findings, seconds: number): string {
  const { entry, passed, problems, version, starts } = findings;
  const state = problems.length === 0 ? 'ok     ' : 'FAILED ';
  const counts = `${String(passed).padStart(4)} passed ${seconds.toFixed(1).padStart(7)} s`;
  const digests = modelNames.map((model) => `${model} ${shortDigest(findings, model)}`).join(', ');
  const words = entry.kind === 'command' ? '' : `${version ?? 'did not start'}; ${starts ?? '-'}; ${digests}`;
  const below = problems.map((problem) => `\n        ${problem.replaceAll('\n', '\n        ')}`);
  return `${state} ${entry.name.padEnd(14)} ${counts}  ${words}`.trimEnd() + below.join('');
}

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** The table that the README points to, in Markdown. */
export function tableOf(
  found: readonly Findings[],
  { data, images }: { readonly data: 'sample' | 'whole'; readonly images: number },
  words: readonly string[],
): string {
  const runtimes = found.filter(({ entry }) => entry.kind === 'runtime');
  const commands = found.filter(({ entry }) => entry.kind === 'command');
  const { machine = 'a machine', kernels = '' } = runtimes[0] ?? {};
  const of = data === 'sample' ? ' of the shipped sample' : '';
  const counts = ({ passed, problems }: Findings): string[] => [`${passed}`, `${problems.length}`];
  return [
    '# Runtimes',
    '',
    `Made by \`npm run test:runtimes -- ${words.join(' ')}\` on ${machine}; kernels sha256 ${kernels.slice(0, DIGITS)}….`,
    '',
    `Fingerprint: the first ${DIGITS} digits of the sha256 of the weights after two epochs of ${images.toLocaleString('en-US')} images${of},`,
    'augmented, in batches of 100; the same by each of the ways.',
    '',
    row([
      'runtime',
      'its own version',
      'engine',
      'passed',
      'failed',
      ...modelNames.map((name) => `\`${name}\``),
      'ways',
    ]),
    row(Array(6 + modelNames.length).fill('---')),
    ...runtimes.map((findings) =>
      row([
        findings.entry.name,
        findings.version ?? '-',
        findings.starts ?? '-',
        ...counts(findings),
        ...modelNames.map((model) => shortDigest(findings, model)),
        findings.ways.join(', '),
      ]),
    ),
    '',
    ...(commands.length === 0 ? [] : [row(['beside them', 'passed', 'failed']), row(['---', '---', '---'])]),
    ...commands.map((findings) => row([findings.entry.name, ...counts(findings)])),
    ...(commands.length === 0 ? [] : ['']),
  ].join('\n');
}
