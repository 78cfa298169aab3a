// Options of train that choose what happens to examples and to the loss, and how their text becomes settings. Not here: the optimiser
// (optimizer-options.ts). What the options leave out, recipes say.
import { type MixingSettings, mixingRules } from '../data/mixing.ts';
import { usageError } from './arguments.ts';

export const regimeOptions = {
  mixup: {
    type: 'string',
    valueHint: 'alpha',
    description: 'Mix images and labels in pairs, by shares of Beta(alpha, alpha), such as 0.2 (default: none)',
  },
  cutmix: {
    type: 'string',
    valueHint: 'alpha',
    description: 'Replace a rectangle of each image by that of another, and mix the labels, such as 1 (default: none)',
  },
} as const;

/** The values of `regimeOptions` as they were written. */
export interface RegimeArguments {
  readonly mixup?: string | undefined;
  readonly cutmix?: string | undefined;
}

/** Settings of a regime that a training may do without. */
export interface Regime {
  readonly mixing?: MixingSettings;
}

/**
 * The regime that was asked for.
 *
 * @throws SelvedgeError `cli/usage` on a value out of range
 */
export function readRegime({ mixup, cutmix }: RegimeArguments): Regime {
  const mixupAlpha = readNumber('mixup', mixup) ?? 0;
  const cutMixAlpha = readNumber('cutmix', cutmix) ?? 0;
  if (mixupAlpha === 0 && cutMixAlpha === 0) return {};
  const mixing = { mixupAlpha, cutMixAlpha, probability: 1 };
  requireRules(mixingRules(mixing));
  return { mixing };
}

/** Any number; what makes sense, rules say. */
function readNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isNaN(value) && text !== '' && text.trim() === text) return value;
  throw usageError(`Option "--${option}" got "${text}": expected a number`);
}

function requireRules(rules: readonly (readonly [holds: boolean, message: string])[]): void {
  for (const [holds, message] of rules) if (!holds) throw usageError(`Cannot train with ${message}`);
}
