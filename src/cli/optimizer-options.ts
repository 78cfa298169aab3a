// Options of train that choose the optimiser and the loss, and how their text becomes settings. What does not belong to the chosen
// optimiser is an error, not ignored.
import {
  fitDefaults,
  type OptimizerConfig,
  optimizerDefaults,
  type Schedule,
  scheduleDefaults,
} from '../training/index.ts';
import { usageError } from './arguments.ts';
import { numberFromZero, positiveNumber, wholeNumber } from './options.ts';

const { adam, adamw, sgd } = optimizerDefaults;

export const optimizerOptions = {
  optimizer: {
    type: 'enum',
    options: Object.keys(optimizerDefaults) as OptimizerConfig['name'][],
    default: fitDefaults.optimizer.name,
    description: 'Optimiser',
  },
  'learning-rate': {
    type: 'string',
    valueHint: 'rate',
    description: `Of the optimiser (default: ${adam.learningRate}, of sgd ${sgd.learningRate})`,
  },
  momentum: { type: 'string', valueHint: 'share', description: `Of sgd (default: ${sgd.momentum})` },
  nesterov: { type: 'boolean', description: "Nesterov's momentum, of sgd" },
  'weight-decay': {
    type: 'string',
    valueHint: 'rate',
    description: `Of kernels alone (default: of adamw ${adamw.weightDecay}, of sgd 0)`,
  },
  schedule: {
    type: 'enum',
    options: Object.keys(scheduleDefaults) as Schedule['name'][],
    default: fitDefaults.schedule.name,
    description: 'How the learning rate moves, update by update',
  },
  'warm-up': {
    type: 'string',
    valueHint: 'share',
    description: 'Of the training, in which the learning rate rises (default: what goes with the schedule)',
  },
  cycles: {
    type: 'string',
    valueHint: 'count',
    description: 'Times that --schedule cosine begins anew; each ends in a snapshot, which ensemble takes (default: 1)',
  },
  average: {
    type: 'string',
    valueHint: 'decay',
    description: 'Keep, and validate, an exponential moving average of the weights, such as 0.999 (default: none)',
  },
  'label-smoothing': {
    type: 'string',
    valueHint: 'share',
    description: `Of each label, spread over all classes in training (default: ${fitDefaults.labelSmoothing})`,
  },
} as const;

/** The values of `optimizerOptions` as they were written. */
export interface OptimizerArguments {
  readonly optimizer: OptimizerConfig['name'];
  readonly 'learning-rate'?: string | undefined;
  readonly momentum?: string | undefined;
  readonly nesterov?: boolean | undefined;
  readonly 'weight-decay'?: string | undefined;
}

export interface ScheduleArguments {
  readonly schedule: Schedule['name'];
  readonly 'warm-up'?: string | undefined;
  readonly cycles?: string | undefined;
}

/**
 * The optimiser that was asked for.
 *
 * @throws SelvedgeError `cli/usage` on a value out of range and on an option of another optimiser
 */
export function readOptimizer(args: OptimizerArguments): OptimizerConfig {
  const { optimizer: name, nesterov = false } = args;
  const owners = { momentum: ['sgd'], nesterov: ['sgd'], 'weight-decay': ['adamw', 'sgd'] } as const;
  for (const [option, names] of Object.entries(owners)) {
    const value = args[option as keyof typeof owners];
    if (names.some((owner) => owner === name) || value === undefined || value === false) continue;
    throw usageError(
      `Option "--${option}" does not go with --optimizer ${name}: it is of --optimizer ${names.join(', ')}`,
    );
  }
  const learningRate = positiveNumber('learning-rate', args['learning-rate']) ?? optimizerDefaults[name].learningRate;
  switch (name) {
    case 'adam':
      return { ...adam, learningRate };
    case 'adamw': {
      const weightDecay = numberFromZero('weight-decay', args['weight-decay']) ?? adamw.weightDecay;
      return { ...adamw, learningRate, weightDecay };
    }
    case 'sgd': {
      const momentum = numberFromZero('momentum', args.momentum, 1) ?? sgd.momentum;
      if (nesterov && momentum === 0) {
        throw usageError('Option "--nesterov" needs a momentum: expected --momentum above 0, such as 0.9');
      }
      const weightDecay = numberFromZero('weight-decay', args['weight-decay']);
      return { ...sgd, learningRate, momentum, nesterov, ...(weightDecay ? { weightDecay } : {}) };
    }
  }
}

/**
 * The schedule that was asked for.
 *
 * @throws SelvedgeError `cli/usage` on a warm-up that is no share, and on cycles of another schedule than the cosine
 */
export function readSchedule({ schedule: name, 'warm-up': text, cycles: count }: ScheduleArguments): Schedule {
  const warmUp = numberFromZero('warm-up', text, 1);
  const cycles = wholeNumber('cycles', count) ?? 1;
  if (cycles > 1) {
    if (name === 'cosine') return { ...scheduleDefaults.cosine, warmUp: warmUp ?? 0, cycles };
    throw usageError(`Option "--cycles" does not go with --schedule ${name}: it is of --schedule cosine`);
  }
  return { ...scheduleDefaults[name], ...(warmUp === undefined ? {} : { warmUp }) };
}
