// Optuna's journal: an append-only log of JSON lines from which studies and their trials are made anew. Text to values and back; not
// here: the file (journal-file.ts). Invariant: what Optuna ignores of a line, this ignores, so both make the same trials of one file.
// Source: optuna/storages/journal/_storage.py and _file.py of Optuna 5.0; 3.1 reads the same.
import { SelvedgeError } from '../core/errors.ts';
import {
  type Distribution,
  distributionText,
  fromInternal,
  type ParameterValue,
  readDistribution,
} from './parameter.ts';

export type TrialState = 'running' | 'complete' | 'pruned' | 'failed' | 'waiting';
const states: readonly TrialState[] = ['running', 'complete', 'pruned', 'failed', 'waiting'];
const isFinished = (state: TrialState): boolean => state !== 'running' && state !== 'waiting';

export type Direction = 'minimize' | 'maximize';
const directions: readonly (Direction | undefined)[] = [undefined, 'minimize', 'maximize'];

/** One trial of a study. */
export interface Trial {
  /** Among all trials of the journal. */
  readonly id: number;
  /** Among those of its study. */
  readonly number: number;
  readonly state: TrialState;
  /** Of the first objective, once there is one. */
  readonly value: number | undefined;
  readonly parameters: Readonly<Record<string, ParameterValue>>;
  readonly distributions: Readonly<Record<string, Distribution>>;
  /** Values on the way, by step: here the validation accuracy after each epoch. */
  readonly intermediateValues: ReadonlyMap<number, number>;
  readonly userAttributes: Readonly<Record<string, unknown>>;
  readonly systemAttributes: Readonly<Record<string, unknown>>;
  /** ISO 8601, as the journal has it. */
  readonly startedAt: string | undefined;
  readonly completedAt: string | undefined;
}

/** One study of a journal. */
export interface Study {
  readonly id: number;
  readonly name: string;
  /** One an objective; undefined where it was not set. */
  readonly directions: readonly (Direction | undefined)[];
  readonly userAttributes: Readonly<Record<string, unknown>>;
  readonly systemAttributes: Readonly<Record<string, unknown>>;
  readonly trials: readonly Trial[];
}

/** A line of a journal: `op_code`, `worker_id`, and the fields of its kind. */
export type JournalLine = Readonly<Record<string, unknown>>;

type Fields = Record<string, unknown>;

/** Lines for what happens in a study, without who writes them. */
export const journalLines = {
  createStudy: (name: string, direction: Direction): Fields => ({
    op_code: 0,
    study_name: name,
    directions: [directions.indexOf(direction)],
  }),
  setStudyAttribute: (study: number, key: string, value: unknown): Fields => ({
    op_code: 2,
    study_id: study,
    user_attr: { [key]: value },
  }),
  createTrial: (study: number): Fields => ({ op_code: 4, study_id: study, datetime_start: instant() }),
  setParameter: (trial: number, name: string, internal: number, distribution: Distribution): Fields => ({
    op_code: 5,
    trial_id: trial,
    param_name: name,
    param_value_internal: internal,
    distribution: distributionText(distribution),
  }),
  finishTrial: (trial: number, state: TrialState, value: number | undefined): Fields => ({
    op_code: 6,
    trial_id: trial,
    state: states.indexOf(state),
    values: value === undefined ? null : [value],
    datetime_complete: instant(),
  }),
  setIntermediateValue: (trial: number, step: number, value: number): Fields => ({
    op_code: 7,
    trial_id: trial,
    step,
    intermediate_value: value,
  }),
  setTrialAttribute: (trial: number, key: string, value: unknown): Fields => ({
    op_code: 8,
    trial_id: trial,
    user_attr: { [key]: value },
  }),
} as const;

/** Python before 3.11 reads offsets, but no "Z", and 3 or 6 decimals. */
const instant = (): string => new Date().toISOString().replace('Z', '000+00:00');

/** Lines as text, each ended. */
export function journalText(lines: readonly JournalLine[], worker: string): string {
  return lines.map((line) => `${JSON.stringify({ worker_id: worker, ...line })}\n`).join('');
}

/** What a journal's bytes hold. */
export interface JournalContent {
  readonly lines: readonly JournalLine[];
  /** Bytes that are whole lines; what follows is the start of one whose writer was killed. */
  readonly wholeBytes: number;
}

const NEWLINE = 0x0a;

/**
 * Splits a journal into lines. A last line that is not whole is left out.
 *
 * @throws SelvedgeError `journal/format` on any other line that is no JSON object with an `op_code`
 */
export function parseJournal(bytes: Uint8Array, name: string): JournalContent {
  const lines: JournalLine[] = [];
  let start = 0;
  while (start < bytes.length) {
    const end = bytes.indexOf(NEWLINE, start);
    const line = end < 0 ? undefined : parseLine(new TextDecoder().decode(bytes.subarray(start, end)));
    const isLast = end < 0 || end === bytes.length - 1;
    if (!line && isLast) break;
    if (!line)
      throw new SelvedgeError(
        'journal/format',
        `Cannot read journal "${name}": line ${lines.length + 1}: expected a JSON object with an op_code from 0 to 10`,
      );
    lines.push(line);
    start = end + 1;
  }
  return { lines, wholeBytes: start };
}

function parseLine(text: string): JournalLine | undefined {
  try {
    const value = parsePythonJson(text) as JournalLine | null;
    return Number.isInteger(value?.op_code) ? value! : undefined;
  } catch {
    return undefined;
  }
}

/** JSON with the three numbers that Python writes beyond it. */
function parsePythonJson(text: string): unknown {
  if (!/\b(?:NaN|Infinity)\b/.test(text)) return JSON.parse(text);
  const marked = text.replace(/"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g, (token) =>
    token.startsWith('"') ? token : `{"$number":"${token}"}`,
  );
  return JSON.parse(marked, (_, value) =>
    typeof value === 'object' && value !== null && '$number' in value ? Number(value.$number) : value,
  );
}

type Changing<T> = { -readonly [key in keyof T]: T[key] };
type ChangingTrial = Omit<Changing<Trial>, 'parameters' | 'distributions' | 'intermediateValues' | 'userAttributes'> & {
  parameters: Record<string, ParameterValue>;
  distributions: Record<string, Distribution>;
  intermediateValues: Map<number, number>;
  userAttributes: Fields;
};
type ChangingStudy = Omit<Changing<Study>, 'trials'> & { trials: ChangingTrial[] };

/**
 * The studies that the lines of a journal make, as Optuna makes them: lines about what is not there, or has ended, change nothing.
 *
 * @throws SelvedgeError `journal/format` on an operation that no release knows, and on fields that are missing
 * @example
 * ```ts
 * import { parseJournal, replayJournal } from 'selvedge';
 * const line = '{"op_code": 0, "worker_id": "a", "study_name": "first", "directions": [2]}\n';
 * const { lines } = parseJournal(new TextEncoder().encode(line), 'journal.jsonl');
 * console.assert(replayJournal(lines, 'journal.jsonl')[0]?.name === 'first');
 * ```
 */
export function replayJournal(lines: readonly JournalLine[], name: string): Study[] {
  const replay = createReplay(name);
  replay.add(lines);
  return replay.studies();
}

/** Studies that grow with their journal: a line costs as much in a long one as in a short one. */
export interface JournalReplay {
  /** @throws SelvedgeError `journal/format` as `replayJournal` */
  add(lines: readonly JournalLine[]): void;
  /** What the lines so far make; lines that are added later change it. */
  studies(): Study[];
}

/** Begins a journal without lines. */
export function createReplay(name: string): JournalReplay {
  const replay = new Replay();
  let count = 0;
  return {
    add(lines) {
      for (const line of lines) {
        count++;
        try {
          replay.apply(line as Fields);
        } catch (error) {
          throw new SelvedgeError('journal/format', `Cannot read journal "${name}": line ${count}: ${String(error)}`, {
            cause: error,
          });
        }
      }
    },
    studies: () => replay.studies.filter((study) => study !== undefined),
  };
}

class Replay {
  /** By id; undefined where one was deleted. */
  readonly studies: (ChangingStudy | undefined)[] = [];
  readonly #trials: { readonly trial: ChangingTrial; readonly kinds: Map<string, Distribution> }[] = [];
  /** By study: what the first trial that has a parameter says of its kind. */
  readonly #kinds: Map<string, Distribution>[] = [];

  apply(line: Fields): void {
    const operation = line.op_code as number;
    if (operation < 0 || operation > 10) throw new RangeError(`expected an op_code from 0 to 10, got ${operation}`);
    if (operation === 0) this.#createStudy(line);
    else if (operation <= 4) this.#changeStudy(this.studies[line.study_id as number], line);
    else this.#changeTrial(line);
  }

  #createStudy({ study_name: name, directions: wanted }: Fields): void {
    if (typeof name !== 'string' || !Array.isArray(wanted)) throw new TypeError('expected study_name and directions');
    if (this.studies.some((study) => study?.name === name)) return;
    this.studies.push({
      id: this.studies.length,
      name,
      directions: wanted.map((direction) => directions[direction]),
      userAttributes: {},
      systemAttributes: {},
      trials: [],
    });
    this.#kinds.push(new Map());
  }

  #changeStudy(study: ChangingStudy | undefined, line: Fields): void {
    if (!study) return;
    if (line.op_code === 1) this.studies[study.id] = undefined;
    else if (line.op_code === 2) study.userAttributes = { ...study.userAttributes, ...record(line, 'user_attr') };
    else if (line.op_code === 3) study.systemAttributes = { ...study.systemAttributes, ...record(line, 'system_attr') };
    else this.#createTrial(study, line);
  }

  #createTrial(study: ChangingStudy, line: Fields): void {
    const distributions = mapValues(record(line, 'distributions'), (text) => readDistribution(String(text)));
    const values = (line.values ?? [line.value]) as (number | null | undefined)[];
    const trial: ChangingTrial = {
      id: this.#trials.length,
      number: study.trials.length,
      state: stateOf(line.state ?? 0),
      value: values[0] ?? undefined,
      parameters: mapValues(record(line, 'params'), (internal, key) =>
        fromInternal(distributions[key]!, Number(internal)),
      ),
      distributions,
      intermediateValues: new Map(
        Object.entries(record(line, 'intermediate_values')).map(([step, value]) => [Number(step), Number(value)]),
      ),
      userAttributes: record(line, 'user_attrs'),
      systemAttributes: record(line, 'system_attrs'),
      startedAt: text(line.datetime_start),
      completedAt: text(line.datetime_complete),
    };
    const kinds = this.#kinds[study.id]!;
    for (const [key, distribution] of Object.entries(distributions)) if (!kinds.has(key)) kinds.set(key, distribution);
    this.#trials.push({ trial, kinds });
    study.trials.push(trial);
  }

  /** Operation 10 discards trials; it is of another implementation, and Optuna passes it over, too. */
  #changeTrial(line: Fields): void {
    const operation = line.op_code as number;
    const found = this.#trials[line.trial_id as number];
    if (!found || operation === 10 || isFinished(found.trial.state)) return;
    const { trial, kinds } = found;
    if (operation === 5) this.#setParameter(trial, kinds, line);
    else if (operation === 6) this.#setState(trial, line);
    else if (operation === 7) trial.intermediateValues.set(Number(line.step), Number(line.intermediate_value));
    else if (operation === 8) trial.userAttributes = { ...trial.userAttributes, ...record(line, 'user_attr') };
    else trial.systemAttributes = { ...trial.systemAttributes, ...record(line, 'system_attr') };
  }

  /** A parameter of another kind than an earlier trial gave to the name is passed over. */
  #setParameter(trial: ChangingTrial, kinds: Map<string, Distribution>, line: Fields): void {
    const name = String(line.param_name);
    const distribution = readDistribution(String(line.distribution));
    const earlier = kinds.get(name);
    if (earlier && !isCompatible(earlier, distribution)) return;
    if (!earlier) kinds.set(name, distribution);
    trial.parameters[name] = fromInternal(distribution, Number(line.param_value_internal));
    trial.distributions[name] = distribution;
  }

  #setState(trial: ChangingTrial, line: Fields): void {
    const state = stateOf(line.state);
    if (state === 'running' && trial.state === 'running') return;
    if (state === 'running') trial.startedAt = text(line.datetime_start);
    if (isFinished(state)) trial.completedAt = text(line.datetime_complete);
    trial.state = state;
    if (Array.isArray(line.values)) trial.value = line.values[0];
  }
}

function isCompatible(before: Distribution, now: Distribution): boolean {
  if (before.kind === 'choice' || now.kind === 'choice') return distributionText(before) === distributionText(now);
  return before.kind === now.kind && before.log === now.log;
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

function record(line: Fields, field: string): Fields {
  const value = line[field];
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function mapValues<T>(values: Fields, map: (value: unknown, key: string) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, map(value, key)]));
}

function stateOf(code: unknown): TrialState {
  const state = states[code as number];
  if (state) return state;
  throw new RangeError(`expected a state from 0 to ${states.length - 1}, got ${String(code)}`);
}
