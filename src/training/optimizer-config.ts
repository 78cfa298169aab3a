// The optimisers that can be asked for, their settings, and which of these make sense. Plain data: optimizers.ts does the work.

/** What a weight does in its layer. Kernels are all that multiply inputs; gamma and beta are of batch norm, alpha is of a PReLU. */
export type WeightRole = 'kernel' | 'bias' | 'gamma' | 'beta' | 'alpha';

const WEIGHT_ROLES: readonly string[] = ['kernel', 'bias', 'gamma', 'beta', 'alpha'] satisfies WeightRole[];

interface LearningRate {
  readonly learningRate: number;
  /** By what the rate is multiplied for the weights of a role; 1 for those not named. */
  readonly learningRateFactors?: Readonly<Partial<Record<WeightRole, number>>>;
}

/** Adam (Kingma & Ba 2015), with epsilon added as Keras does. */
export interface AdamConfig extends LearningRate {
  readonly name: 'adam';
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/** Adam with decoupled weight decay (Loshchilov & Hutter 2019). */
export interface AdamWConfig extends LearningRate {
  readonly name: 'adamw';
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** An update takes learningRate * weightDecay of each kernel from it; biases and the parameters of batch norm do not decay. */
  readonly weightDecay: number;
}

/**
 * Stochastic gradient descent. As in PyTorch and tfjs, and unlike in Keras, the velocity is a sum of gradients that the learning
 * rate multiplies when it is used; the two differ only where the learning rate changes.
 */
export interface SgdConfig extends LearningRate {
  readonly name: 'sgd';
  /** What remains of the velocity in an update; 0 for none. */
  readonly momentum: number;
  /** Nesterov's momentum (Sutskever et al. 2013). */
  readonly nesterov: boolean;
  /** What of each kernel is added to its gradient, as PyTorch's SGD does it; biases and the parameters of batch norm do not decay. */
  readonly weightDecay?: number;
}

/** An optimiser and its settings. */
export type OptimizerConfig = AdamConfig | AdamWConfig | SgdConfig;

/** Keras' defaults of each optimiser. */
export const optimizerDefaults = {
  adam: { name: 'adam', learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 },
  adamw: { name: 'adamw', learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, weightDecay: 0.004 },
  sgd: { name: 'sgd', learningRate: 0.01, momentum: 0, nesterov: false },
} as const satisfies { readonly [Name in OptimizerConfig['name']]: Extract<OptimizerConfig, { readonly name: Name }> };

/** What an optimiser's settings must fulfil, each with the words for a setting that does not. */
export function optimizerRules(config: OptimizerConfig): [holds: boolean, message: string][] {
  const { name, learningRate, learningRateFactors = {} } = config;
  const isShare = (value: number): boolean => value >= 0 && value < 1;
  const { weightDecay = 0 } = { weightDecay: 0, ...config };
  const rules: [boolean, string][] = [
    [name in optimizerDefaults, `optimiser "${name}": expected one of ${Object.keys(optimizerDefaults).join(', ')}`],
    [learningRate > 0 && learningRate < Infinity, `a learning rate of ${learningRate}: expected more than 0`],
    [weightDecay >= 0 && weightDecay < Infinity, `a weight decay of ${weightDecay}: expected 0 or more`],
    ...Object.entries(learningRateFactors).flatMap(([role, factor]): [boolean, string][] => [
      [WEIGHT_ROLES.includes(role), `a learning rate of "${role}": expected one of ${WEIGHT_ROLES.join(', ')}`],
      [factor >= 0 && factor < Infinity, `the learning rate of ${role} times ${factor}: expected 0 or more`],
    ]),
  ];
  if (config.name === 'sgd') {
    const { momentum, nesterov } = config;
    return [
      ...rules,
      [isShare(momentum), `a momentum of ${momentum}: expected from 0 up to, not including, 1`],
      [!nesterov || momentum > 0, 'Nesterov momentum of 0: expected a momentum above 0'],
    ];
  }
  const { beta1, beta2, epsilon } = config;
  return [
    ...rules,
    [isShare(beta1) && isShare(beta2), `betas of ${beta1} and ${beta2}: expected from 0 up to, not including, 1`],
    [epsilon > 0 && epsilon < Infinity, `an epsilon of ${epsilon}: expected more than 0`],
  ];
}

/**
 * The optimiser and its settings in words.
 *
 * @example
 * ```ts
 * import { describeOptimizer, optimizerDefaults } from 'selvedge';
 * console.assert(describeOptimizer(optimizerDefaults.sgd) === 'SGD, learning rate 0.01');
 * ```
 */
export function describeOptimizer(config: OptimizerConfig): string {
  const factors = Object.entries(config.learningRateFactors ?? {}).map(
    ([role, factor]) => `, times ${factor} of ${role}`,
  );
  const rate = `learning rate ${config.learningRate}${factors.join('')}`;
  if (config.name === 'sgd') {
    const { momentum, nesterov, weightDecay = 0 } = config;
    const kind = nesterov ? 'Nesterov momentum' : 'momentum';
    const decay = weightDecay > 0 ? `, weight decay ${weightDecay} of kernels` : '';
    return `SGD, ${rate}${momentum > 0 ? `, ${kind} ${momentum}` : ''}${decay}`;
  }
  const { beta1, beta2, epsilon } = config;
  const rest = `${rate}, beta ${beta1} and ${beta2}, epsilon ${epsilon}`;
  return config.name === 'adam' ? `Adam, ${rest}` : `AdamW, ${rest}, weight decay ${config.weightDecay} of kernels`;
}
