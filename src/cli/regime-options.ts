// Options of train that choose what happens to examples and to the loss, and how their text becomes settings. Not here: the optimiser
// (optimizer-options.ts). What the options leave out, recipes say.
import { type MixingSettings, mixingRules } from '../data/mixing.ts';
import { type ResamplingName, resamplingNames } from '../data/resample.ts';
import { distillationDefaults, type FitSettings, type LossSettings, lossRules } from '../training/index.ts';
import { usageError } from './arguments.ts';
import { positiveNumber } from './options.ts';

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
  resample: {
    type: 'enum',
    options: [...resamplingNames] as ResamplingName[],
    description: 'Draw as many training images of each class as the largest has, or the smallest (default: all, once)',
  },
  'class-weights': {
    type: 'string',
    valueHint: 'list',
    description: "What each class's label counts: balanced, or a number a class, such as 1,1,2 (default: all the same)",
  },
  focal: {
    type: 'string',
    valueHint: 'gamma',
    description: 'Focal loss: multiply each loss by (1 - p)^gamma, such as 2 (default: 0)',
  },
  'logit-adjustment': {
    type: 'string',
    valueHint: 'tau',
    description: "Add tau times the logarithm of each class's share to the logits in training, such as 1 (default: 0)",
  },
  'clip-norm': {
    type: 'string',
    valueHint: 'norm',
    description: 'Scale gradients down where the norm of all of them is above this, such as 1 (default: never)',
  },
} as const;

/** The values of `regimeOptions` as they were written. */
export interface RegimeArguments {
  readonly mixup?: string | undefined;
  readonly cutmix?: string | undefined;
  readonly resample?: ResamplingName | undefined;
  readonly 'class-weights'?: string | undefined;
  readonly focal?: string | undefined;
  readonly 'logit-adjustment'?: string | undefined;
  readonly 'clip-norm'?: string | undefined;
  readonly teacher?: string | undefined;
  readonly temperature?: string | undefined;
  readonly 'teacher-share'?: string | undefined;
}

/** Settings of a regime that a training may do without. */
export interface Regime
  extends Pick<LossSettings, 'classWeights' | 'focalGamma' | 'logitAdjustment' | 'distillation'>,
    Pick<FitSettings, 'clipNorm'> {
  readonly mixing?: MixingSettings;
  readonly resampling?: ResamplingName;
}

/**
 * The regime that was asked for.
 *
 * @throws SelvedgeError `cli/usage` on a value out of range
 */
export function readRegime(args: RegimeArguments): Regime {
  const clipNorm = positiveNumber('clip-norm', args['clip-norm']);
  return {
    ...readMixing(args),
    ...(args.resample === undefined ? {} : { resampling: args.resample }),
    ...readLoss(args),
    ...(clipNorm === undefined ? {} : { clipNorm }),
    ...readDistillation(args),
  };
}

function readDistillation({ teacher, ...args }: RegimeArguments): Regime {
  if (teacher === undefined) {
    const given = (['temperature', 'teacher-share'] as const).find((option) => args[option] !== undefined);
    if (given) throw usageError(`Option "--${given}" needs a teacher: expected --teacher, too`);
    return {};
  }
  const temperature = readNumber('temperature', args.temperature) ?? distillationDefaults.temperature;
  const share = readNumber('teacher-share', args['teacher-share']) ?? distillationDefaults.share;
  const distillation = { temperature, share };
  requireRules(lossRules({ labelSmoothing: 0, distillation }));
  return { distillation };
}

function readMixing({ mixup, cutmix }: RegimeArguments): Regime {
  const mixupAlpha = readNumber('mixup', mixup) ?? 0;
  const cutMixAlpha = readNumber('cutmix', cutmix) ?? 0;
  if (mixupAlpha === 0 && cutMixAlpha === 0) return {};
  const mixing = { mixupAlpha, cutMixAlpha, probability: 1 };
  requireRules(mixingRules(mixing));
  return { mixing };
}

function readLoss({ 'class-weights': list, focal, 'logit-adjustment': tau }: RegimeArguments): Regime {
  const focalGamma = readNumber('focal', focal) ?? 0;
  const logitAdjustment = readNumber('logit-adjustment', tau) ?? 0;
  const classWeights = list === undefined ? undefined : readClassWeights(list);
  const loss = {
    ...(classWeights ? { classWeights } : {}),
    ...(focalGamma === 0 ? {} : { focalGamma }),
    ...(logitAdjustment === 0 ? {} : { logitAdjustment }),
  };
  requireRules(lossRules({ labelSmoothing: 0, ...loss }));
  return loss;
}

function readClassWeights(list: string): NonNullable<LossSettings['classWeights']> {
  if (list === 'balanced') return list;
  return list.split(',').map((text) => readNumber('class-weights', text, 'balanced, or numbers with commas between')!);
}

/** Any number; what makes sense, rules say. */
function readNumber(option: string, text: string | undefined, expected = 'a number'): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isNaN(value) && text !== '' && text.trim() === text) return value;
  throw usageError(`Option "--${option}" got "${text}": expected ${expected}`);
}

function requireRules(rules: readonly (readonly [holds: boolean, message: string])[]): void {
  for (const [holds, message] of rules) if (!holds) throw usageError(`Cannot train with ${message}`);
}
