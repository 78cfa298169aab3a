// From a wanted rate of false alarms to a threshold, by scores of good pictures that were held out: a conformal p-value. Where the good
// pictures to come are like those held out, the rate is at most the wanted one. Invariant: too few of them are an error, not a guess.
import { SelvedgeError } from '../../core/errors.ts';

/** Fewest good pictures held out that can show such a rate at all. */
export const fewestHeldOut = (falseAlarms: number): number => Math.ceil(1 / falseAlarms - 1e-9) - 1;

/**
 * @param falseAlarms From above 0 to .5
 * @throws SelvedgeError `inspect/rate`
 */
export function checkFalseAlarms(falseAlarms: number): void {
  if (falseAlarms > 0 && falseAlarms <= 0.5) return;
  throw new SelvedgeError(
    'inspect/rate',
    `Cannot inspect with a rate of false alarms of ${falseAlarms}: expected above 0, at most 0.5`,
  );
}

/**
 * The score above which a picture is an alarm.
 *
 * @param heldOut Scores of good pictures, larger for what is stranger
 * @throws SelvedgeError `inspect/rate`, `inspect/few`
 * @example
 * ```ts
 * import { alarmThreshold } from 'selvedge';
 * console.assert(alarmThreshold([1, 2, 3, 4, 5, 6, 7, 8, 9], 0.2) === 8);
 * ```
 */
export function alarmThreshold(heldOut: ArrayLike<number>, falseAlarms: number): number {
  checkFalseAlarms(falseAlarms);
  const fewest = fewestHeldOut(falseAlarms);
  if (heldOut.length < fewest) {
    throw new SelvedgeError(
      'inspect/few',
      `Cannot hold false alarms to ${falseAlarms}: expected at least ${fewest} good pictures held out, got ${heldOut.length}`,
    );
  }
  const sorted = Float64Array.from(heldOut).sort();
  return sorted[sorted.length - Math.floor(falseAlarms * (sorted.length + 1) + 1e-9)]!;
}

/**
 * How probable a score as large as this is among good pictures.
 *
 * @returns From 1 / (number held out + 1) to 1
 */
export function alarmProbability(heldOut: ArrayLike<number>, score: number): number {
  let above = 1;
  for (let i = 0; i < heldOut.length; i++) if (heldOut[i]! >= score) above++;
  return above / (heldOut.length + 1);
}
