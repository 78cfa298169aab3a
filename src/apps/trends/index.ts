// Trends: shares of classes over time corrected for a classifier's errors, when they change, what is bought together, and styles in a class.
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
export { type Share, type ShareOptions, sharesOf, type Timeline, TimelineCounter } from './timeline.ts';
