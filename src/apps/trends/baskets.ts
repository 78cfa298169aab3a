// What is bought together: pairs of items in baskets, with support, confidence, lift and a test that is corrected for their number.
// Pure. Not here: reading events. Invariant: an item counts once a basket; memory is that of items and of pairs that occur.
import { SelvedgeError } from '../../core/errors.ts';
import { naturalExponential, naturalLogarithm } from '../../core/exponential.ts';

/** Two items that are bought together. */
export interface Combination {
  readonly items: readonly [string, string];
  /** Baskets with both. */
  readonly count: number;
  /** Share of the baskets with both. */
  readonly support: number;
  /** Of the baskets with the first, the share with the second; and the other way round. */
  readonly confidence: readonly [number, number];
  /** How many times as often as by chance. */
  readonly lift: number;
  /** Chance of as many if items had nothing to do with each other: upper tail of the hypergeometric distribution. */
  readonly p: number;
  /** Share of false discoveries among pairs of at most this p, by Benjamini and Hochberg. */
  readonly q: number;
}

export interface CombinationOptions {
  /** Baskets that an item must be in to be tested; default 5. */
  readonly leastCount?: number;
  /** Largest share of false discoveries; default 0.05. */
  readonly falseDiscoveries?: number;
}

/** Different items, and pairs, that are counted at most. */
const MOST_ITEMS = 50_000;
const MOST_PAIRS = 5_000_000;
/** Items of one basket: more is no basket. */
const MOST_IN_BASKET = 500;

/** Takes baskets. */
export class BasketCounter {
  readonly #names: string[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #counts: number[] = [];
  readonly #pairs = new Map<number, number>();
  #baskets = 0;

  get baskets(): number {
    return this.#baskets;
  }

  /** @throws SelvedgeError `trends/baskets` for more than can be counted */
  add(items: Iterable<string>): void {
    const numbers = [...new Set(items)].map((name) => this.#numberOf(name)).sort((a, b) => a - b);
    if (numbers.length === 0) return;
    if (numbers.length > MOST_IN_BASKET) throw tooMany(`at most ${MOST_IN_BASKET} items in a basket`, numbers.length);
    this.#baskets++;
    for (let i = 0; i < numbers.length; i++) {
      this.#counts[numbers[i]!]!++;
      for (let j = i + 1; j < numbers.length; j++) {
        const key = numbers[i]! * MOST_ITEMS + numbers[j]!;
        this.#pairs.set(key, (this.#pairs.get(key) ?? 0) + 1);
      }
    }
    if (this.#pairs.size > MOST_PAIRS) throw tooMany(`at most ${MOST_PAIRS} different pairs`, this.#pairs.size);
  }

  /** Pairs that are bought together more often than chance would have it, the surest first. */
  combinations({ leastCount = 5, falseDiscoveries = 0.05 }: CombinationOptions = {}): Combination[] {
    const counts = this.#counts;
    const all = this.#baskets;
    const tested = counts.filter((count) => count >= leastCount).length;
    // Pairs that never occurred are tests, too.
    const tests = (tested * (tested - 1)) / 2;
    const found: Omit<Combination, 'q'>[] = [];
    for (const [key, count] of this.#pairs) {
      const [i, j] = [Math.floor(key / MOST_ITEMS), key % MOST_ITEMS];
      const [a, b] = [counts[i]!, counts[j]!];
      if (a < leastCount || b < leastCount) continue;
      found.push({
        items: [this.#names[i]!, this.#names[j]!],
        count,
        support: count / all,
        confidence: [count / a, count / b],
        lift: (count * all) / (a * b),
        p: chanceOf(count, a, b, all),
      });
    }
    found.sort((x, y) => x.p - y.p || y.count - x.count || (x.items.join('\n') < y.items.join('\n') ? -1 : 1));
    const q = new Float64Array(found.length);
    let least = 1;
    for (let rank = found.length - 1; rank >= 0; rank--) {
      least = Math.min(least, (found[rank]!.p * tests) / (rank + 1));
      q[rank] = least;
    }
    return found.map((pair, rank) => ({ ...pair, q: q[rank]! })).filter((pair) => pair.q <= falseDiscoveries);
  }

  #numberOf(name: string): number {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.#names.push(name) - 1;
      if (number >= MOST_ITEMS) throw tooMany(`at most ${MOST_ITEMS} different items`, number + 1);
      this.#numbers.set(name, number);
      this.#counts.push(0);
    }
    return number;
  }
}

const tooMany = (expected: string, got: number): SelvedgeError =>
  new SelvedgeError('trends/baskets', `Cannot count baskets: expected ${expected}, got ${got}; group items first`);

/** Chance that two sets of `a` and `b` of `all` have `count` or more in common. */
function chanceOf(count: number, a: number, b: number, all: number): number {
  const most = Math.min(a, b);
  // Below what is expected the tail is long, and says nothing.
  if (count * all <= a * b) return 1;
  const first =
    logFactorial(a) -
    logFactorial(count) -
    logFactorial(a - count) +
    logFactorial(all - a) -
    logFactorial(b - count) -
    logFactorial(all - a - b + count) -
    (logFactorial(all) - logFactorial(b) - logFactorial(all - b));
  let [term, sum] = [1, 1];
  for (let k = count; k < most; k++) {
    term *= ((a - k) * (b - k)) / ((k + 1) * (all - a - b + k + 1));
    sum += term;
    if (term < 1e-17 * sum) break;
  }
  return Math.min(1, naturalExponential(first) * sum);
}

/** Logarithm of n!: Stirling's series from 16 on. */
function logFactorial(n: number): number {
  if (n < 16) {
    let product = 1;
    for (let i = 2; i <= n; i++) product *= i;
    return naturalLogarithm(product);
  }
  const inverse = 1 / n;
  const square = inverse * inverse;
  const series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)));
  return (n + 0.5) * naturalLogarithm(n) - n + 0.9189385332046727 + series;
}
