// Trends: shares of classes over time corrected for a classifier's errors, when they change, what is bought together, and styles in a class.

export { type AttributeKind, type Attributes, attributeKindOf, attributesOf, wordsOf } from './attributes.ts';
export { BasketCounter, type Combination, type CombinationOptions } from './baskets.ts';
export {
  type Change,
  type ChangeOptions,
  findChanges,
  findSeason,
  type Season,
  type SeasonOptions,
} from './changes.ts';
export { type Bag, type BagOptions, drawBag } from './draw-bags.ts';
export { nameOfPeriod, type PeriodName, periodNames, periodOf, readTime } from './period.ts';
export {
  correctCounts,
  fitQuantifier,
  fromConfusion,
  type Quantifier,
  type QuantifierMethod,
  quantifierMethods,
  quantify,
} from './quantify.ts';
export { type ClusterOptions, type Clusters, clusterRows, mutualInformation } from './styles.ts';
export { type Share, type ShareOptions, sharesOf, type Timeline, TimelineCounter } from './timeline.ts';
