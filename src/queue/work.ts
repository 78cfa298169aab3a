// Work: what a worker may be asked to do, as data that a schema has checked: the name of one of our commands and its settings, never code.
// Not here: how it is done (handlers) and where it waits (tables.ts). Invariant: the key of a work is the digest of its kind and settings, so
// work that was filed twice, by whomever, is one work with one result.
import * as v from 'valibot';
import { SelvedgeError } from '../core/errors.ts';
import { sha256 } from '../core/sha256.ts';
import { type Recipe, recipeSchema } from '../experiments/index.ts';
import { shippedNames } from '../models/index.ts';

const digest = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'a SHA-256 digest in hexadecimal'));
const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const seed = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_ffff));

/** What a worker must have to do a work with the same bits as any other. */
const needs = v.strictObject({
  version: v.string(),
  /** Of the kernels. */
  kernels: digest,
  /** Of the data set and its split; absent where the work brings its own. */
  data: v.exactOptional(digest),
});

/** A training by a recipe, on the first examples of the study's split, to its validation accuracy after each epoch. */
const trial = v.strictObject({
  /** Of which it is part, and its number there: where it ends depends on the trials before it. */
  study: v.string(),
  number: v.pipe(v.number(), v.integer(), v.minValue(0)),
  recipe: recipeSchema,
  seed,
  examples: count,
  exactConvolution: v.boolean(),
});

/** Work of a few lines, by which the queue itself is tested and timed: sums numbers from `first`, in `steps` steps of `pauseMs` each. */
const sum = v.strictObject({
  first: v.pipe(v.number(), v.integer()),
  steps: count,
  pauseMs: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(60_000)),
});

const fromZero = v.pipe(v.number(), v.integer(), v.minValue(0));

/** Where the images of a shard are, as `planShards` of selvedge/apps says it. */
const images = v.variant('kind', [
  v.strictObject({
    kind: v.literal('idx'),
    name: v.string(),
    path: v.string(),
    fileBytes: count,
    modifiedMs: v.exactOptional(v.number()),
    byteOffset: fromZero,
    first: fromZero,
    shape: v.strictTuple([count, count, count]),
  }),
  v.strictObject({
    kind: v.literal('pictures'),
    pictures: v.array(
      v.strictObject({
        name: v.string(),
        path: v.string(),
        bytes: v.exactOptional(fromZero),
        modifiedMs: v.exactOptional(v.number()),
        problem: v.exactOptional(v.string()),
      }),
    ),
  }),
]);

/** A shard of a catalogue, told by a model that ships: the same work for the same two digests. */
const shard = v.strictObject({
  model: v.picklist(shippedNames),
  /** Of all that answers depend on. */
  categoriser: digest,
  shard: v.strictObject({ index: fromZero, first: fromZero, count, digest, images }),
});

const name = v.pipe(v.string(), v.regex(/^\w[\w.-]*$/, 'letters, digits, dots, dashes and underscores'));

/** A training to its end, as `train` does it: its result is the folder of a run. */
const training = v.strictObject({
  /** Of the results. */
  name,
  recipe: recipeSchema,
  /** Whether a file names the recipe, so that its network is written beside the weights. */
  isNamed: v.boolean(),
  /** Changes images as `train --augment` does, where the recipe does not say how. */
  augment: v.boolean(),
  seed,
  /** The first of the split only. */
  examples: v.exactOptional(count),
  exactConvolution: v.boolean(),
});

/** Trainings as one model, as `ensemble` makes it, once they are done. */
const ensemble = v.strictObject({
  members: v.pipe(v.array(v.strictObject({ name: v.string(), work: digest })), v.minLength(2)),
  /** Learns from the validation images how much each counts. */
  isStacked: v.boolean(),
  /** Of each, where nothing is learnt. */
  shares: v.array(v.pipe(v.number(), v.gtValue(0))),
});

/** A figure of a model, as `measure` finds it. */
const measure = v.strictObject({
  name,
  /** One that ships, or the artefact that holds its files. */
  model: v.union([v.picklist(shippedNames), v.strictObject({ artefact: digest })]),
  epochs: v.exactOptional(count),
});

/** Schemas of the settings of every kind of work. */
export const workSchemas = { trial, training, ensemble, measure, shard, sum } as const;

export type WorkKind = keyof typeof workSchemas;
export const workKinds = Object.keys(workSchemas) as WorkKind[];
export type Needs = v.InferOutput<typeof needs>;
export type TrialSettings = Omit<v.InferOutput<typeof trial>, 'recipe'> & { readonly recipe: Recipe };
export type TrainingSettings = Omit<v.InferOutput<typeof training>, 'recipe'> & { readonly recipe: Recipe };
export type EnsembleSettings = v.InferOutput<typeof ensemble>;
export type MeasureSettings = v.InferOutput<typeof measure>;
export type ShardSettings = v.InferOutput<typeof shard>;
export type SumSettings = v.InferOutput<typeof sum>;

export interface WorkSettings {
  readonly trial: TrialSettings;
  readonly training: TrainingSettings;
  readonly ensemble: EnsembleSettings;
  readonly measure: MeasureSettings;
  readonly shard: ShardSettings;
  readonly sum: SumSettings;
}

/** Something to be done once. */
export interface Work<K extends WorkKind = WorkKind> {
  readonly kind: K;
  readonly needs: Needs;
  readonly settings: WorkSettings[K];
}

/** Work under its key. */
export interface KeyedWork {
  readonly key: string;
  /** Where it waits: one line for each kind and each set of needs, so that nobody takes what they cannot do alike. */
  readonly line: string;
  readonly work: Work;
  /** Keys of the works that must be done before. */
  readonly after: readonly string[];
  /** The work as text, which the key is the digest of. */
  readonly text: string;
}

/**
 * Gives work its key.
 *
 * @throws SelvedgeError `work/bad` on settings that the schema of its kind does not take
 * @example
 * ```ts
 * import { keyWork } from 'selvedge';
 * const needs = { version: '1', kernels: '0'.repeat(64) };
 * const { key } = await keyWork({ kind: 'sum', needs, settings: { first: 1, steps: 2, pauseMs: 0 } });
 * const again = await keyWork({ kind: 'sum', needs, settings: { pauseMs: 0, steps: 2, first: 1 } });
 * console.assert(key === again.key);
 * ```
 */
export async function keyWork(work: Work): Promise<KeyedWork> {
  const checked = checkWork(work);
  const text = canonicalJson(checked);
  return {
    key: await sha256(text),
    line: await lineOf(checked.kind, checked.needs),
    work: checked,
    after: worksBefore(checked),
    text,
  };
}

/**
 * Reads work from its text.
 *
 * @param text What a database held
 * @param key The key that it was filed under
 * @throws SelvedgeError `work/bad` where the text is not what the key says, or no work
 */
export async function readWork(text: string, key: string): Promise<Work> {
  const got = await sha256(text);
  if (got !== key) throw bad(`its digest is ${got}, its key ${key}: somebody has changed it`);
  try {
    return checkWork(JSON.parse(text));
  } catch (error) {
    if (error instanceof SelvedgeError) throw error;
    throw bad('expected JSON', error);
  }
}

/** Keys of the works whose results a work is made of. */
export function worksBefore({ kind, settings }: Work): readonly string[] {
  return kind === 'ensemble' ? (settings as EnsembleSettings).members.map(({ work }) => work) : [];
}

/** The line that work of a kind with some needs waits in. */
export async function lineOf(kind: WorkKind, wanted: Needs): Promise<string> {
  return `${kind}-${(await sha256(canonicalJson(wanted))).slice(0, 32)}`;
}

/** A UUID that is a function of a key and of how often the work was filed anew: engines of queues know jobs by such. */
export function uuidOf(key: string, generation: number): string {
  const hex = (generation >>> 0).toString(16).padStart(8, '0');
  return `${key.slice(0, 8)}-${key.slice(8, 12)}-8${key.slice(13, 16)}-8${key.slice(17, 20)}-${key.slice(20, 24)}${hex}`;
}

function checkWork(value: unknown): Work {
  const { kind } = (value ?? {}) as { kind?: unknown };
  if (!workKinds.includes(kind as WorkKind))
    throw bad(`kind: expected one of ${workKinds.join(', ')}, got ${JSON.stringify(kind)}`);
  const settings = workSchemas[kind as WorkKind] as v.GenericSchema;
  const result = v.safeParse(v.strictObject({ kind: v.picklist(workKinds), needs, settings }), value);
  if (result.success) return result.output as Work;
  const issue = result.issues[0];
  throw bad(
    `${v.getDotPath(issue) ?? 'the whole'}: expected ${issue.expected ?? issue.message}, got ${issue.received}`,
  );
}

function bad(reason: string, cause?: unknown): SelvedgeError {
  return new SelvedgeError('work/bad', `Cannot take work: ${reason}`, { cause });
}

/** JSON with the fields of every record in the order of their names; fields without a value are left out. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
