// What a searched parameter may be, and its three forms: the value that a recipe holds, the number that a journal holds, and a place
// between 0 and 1. Not here: where in a recipe it stands (search-space.ts). Invariant: `valueAt` never leaves the bounds.
import { SelvedgeError } from '../core/errors.ts';

/** A value of a parameter: a number, or the label of a choice. */
export type ParameterValue = string | number | boolean | null;

/** The values that a parameter may take, with the meaning of Optuna's distributions of the same names. */
export type Distribution =
  | {
      readonly kind: 'float';
      readonly low: number;
      readonly high: number;
      readonly log: boolean;
      readonly step?: number;
    }
  | {
      readonly kind: 'integer';
      readonly low: number;
      readonly high: number;
      readonly log: boolean;
      readonly step: number;
    }
  | { readonly kind: 'choice'; readonly choices: readonly ParameterValue[] };

/** Decimal digits of a value: readable in a recipe, and beyond the last bit, in which the logarithms of engines differ. */
const DIGITS = 6;
/** The least normal number: a range below it is not divisible. */
const NARROWEST = Number.MIN_VALUE / Number.EPSILON;

/** Whether there is but one value, or a range too narrow to tell two apart. */
export function isSingle(distribution: Distribution): boolean {
  if (distribution.kind === 'choice') return distribution.choices.length === 1;
  const { low, high, step } = distribution;
  if (step !== undefined) return high - low < step;
  const { from, to } = rangeOf(distribution);
  return to - from <= Math.max(NARROWEST, 1e-12 * Math.max(Math.abs(from), Math.abs(to)));
}

/** The number that a journal holds: the value itself, or the position of the choice. */
export function toInternal(distribution: Distribution, value: ParameterValue): number {
  if (distribution.kind !== 'choice') return Number(value);
  return distribution.choices.findIndex((choice) => Object.is(choice, value));
}

/** The value of a journal's number. */
export function fromInternal(distribution: Distribution, internal: number): ParameterValue {
  if (distribution.kind === 'choice') return distribution.choices[internal] ?? null;
  return distribution.kind === 'integer' ? Math.round(internal) : internal;
}

/** A number brought onto the grid, the digits and into the bounds of a distribution. */
export function settle(distribution: Exclude<Distribution, { kind: 'choice' }>, value: number): number {
  const { low, high, step } = distribution;
  const onGrid = step === undefined ? Number(value.toPrecision(DIGITS)) : low + Math.round((value - low) / step) * step;
  const last = step === undefined ? high : low + Math.floor((high - low) / step + 1e-9) * step;
  return Math.min(Math.max(step === undefined ? onGrid : Number(onGrid.toPrecision(12)), low), last);
}

/**
 * The value at a place between 0 and 1, evenly spread over the values, or over their logarithms.
 *
 * @param place From 0 up to 1
 */
export function valueAt(distribution: Distribution, place: number): ParameterValue {
  if (distribution.kind === 'choice') {
    const { choices } = distribution;
    return choices[Math.min(choices.length - 1, Math.floor(place * choices.length))] ?? null;
  }
  const { from, to } = rangeOf(distribution);
  const value = from + place * (to - from);
  return settle(distribution, distribution.log ? Math.exp(value) : value);
}

/** The place between 0 and 1 that a value has; the middle of its share for a choice. */
export function placeOf(distribution: Distribution, value: ParameterValue): number {
  if (distribution.kind === 'choice') return (toInternal(distribution, value) + 0.5) / distribution.choices.length;
  const { from, to } = rangeOf(distribution);
  const at = distribution.log ? Math.log(Number(value)) : Number(value);
  return to === from ? 0.5 : (at - from) / (to - from);
}

/** Bounds in which a number is uniform: half a step wider where there are steps, and logarithms where it is spread over them. */
export function rangeOf(distribution: Exclude<Distribution, { kind: 'choice' }>): {
  readonly from: number;
  readonly to: number;
} {
  const { low, high, step = 0, log } = distribution;
  const [from, to] = [low - step / 2, high + step / 2];
  return log ? { from: Math.log(from), to: Math.log(to) } : { from, to };
}

/**
 * A distribution as the text that Optuna's journals hold.
 *
 * @example
 * ```ts
 * import { distributionText } from 'selvedge';
 * const text = distributionText({ kind: 'float', low: 0.001, high: 0.1, log: true });
 * console.assert(JSON.parse(text).name === 'FloatDistribution');
 * ```
 */
export function distributionText(distribution: Distribution): string {
  switch (distribution.kind) {
    case 'float': {
      const { low, high, log, step = null } = distribution;
      return JSON.stringify({ name: 'FloatDistribution', attributes: { step, low, high, log } });
    }
    case 'integer': {
      const { low, high, log, step } = distribution;
      return JSON.stringify({ name: 'IntDistribution', attributes: { log, step, low, high } });
    }
    case 'choice':
      return JSON.stringify({ name: 'CategoricalDistribution', attributes: { choices: distribution.choices } });
  }
}

/**
 * The distribution of such a text.
 *
 * @throws SelvedgeError `journal/format`
 */
export function readDistribution(text: string): Distribution {
  const { name, attributes = {} } = parse(text) as { name?: string; attributes?: Record<string, unknown> };
  const { low, high, log, step, choices } = attributes;
  const isRange = typeof low === 'number' && typeof high === 'number' && low <= high && Number.isFinite(high - low);
  if (name === 'FloatDistribution' && isRange)
    return { kind: 'float', low, high, log: log === true, ...(typeof step === 'number' ? { step } : {}) };
  if (name === 'IntDistribution' && isRange)
    return { kind: 'integer', low, high, log: log === true, step: typeof step === 'number' ? step : 1 };
  if (name === 'CategoricalDistribution' && Array.isArray(choices) && choices.length > 0)
    return { kind: 'choice', choices: choices as ParameterValue[] };
  throw new SelvedgeError(
    'journal/format',
    `Cannot read a distribution: expected a float, int or categorical one of Optuna, got ${text.slice(0, 120)}`,
  );
}

function parse(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Said below.
  }
  return {};
}
