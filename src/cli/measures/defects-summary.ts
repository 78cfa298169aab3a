// How what `selvedge measure defects` has found is summed up and told. Not here: the measuring (defects.ts).

/** Mean of the precision at each of the positives, those of equal scores taken after the negatives. */
export function averagePrecision(positives: readonly number[], negatives: readonly number[]): number {
  const all = [
    ...positives.map((score) => ({ score, isPositive: true })),
    ...negatives.map((score) => ({ score, isPositive: false })),
  ].sort((a, b) => b.score - a.score || Number(a.isPositive) - Number(b.isPositive));
  let hits = 0;
  let sum = 0;
  all.forEach(({ isPositive }, i) => {
    if (!isPositive) return;
    hits++;
    sum += hits / (i + 1);
  });
  return sum / positives.length;
}

interface Described {
  readonly falseAlarms: number;
  readonly wantedFalseAlarms: number;
  readonly meanAuroc: number;
  readonly meanPixelAuroc: number;
  readonly cells: readonly {
    readonly kind: string;
    readonly size: string;
    readonly auroc: number;
    readonly averagePrecision: number;
    readonly falseAlarmsAt95: number;
    readonly pixelAuroc: number;
  }[];
  readonly drifts: {
    readonly measured: readonly {
      readonly drift: string;
      readonly streams: number;
      readonly noticed: number;
      readonly meanDelay: number | null;
      readonly falseAlarms: number;
      readonly slow: {
        readonly noticed: number;
        readonly inTime: number;
        /** Share of good pictures that are alarms: without a drift, and at each step of its growth. */
        readonly alarms: readonly number[];
        readonly alarmsWhenNoticed: number | null;
      };
    }[];
  };
}

export function describeDefects(found: Described): string {
  const row = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i < 2 ? cell.padEnd(8) : cell.padStart(9))).join(' ');
  return [
    'Made defects; means over classes',
    row(['kind', 'size', 'AUROC', 'AP', 'FPR@95', 'pixels']),
    ...found.cells.map(({ kind, size, ...cell }) =>
      row([
        kind,
        size,
        ...[cell.auroc, cell.averagePrecision, cell.falseAlarmsAt95, cell.pixelAuroc].map((value) => value.toFixed(3)),
      ]),
    ),
    `Mean AUROC ${found.meanAuroc.toFixed(4)}, of pixels ${found.meanPixelAuroc.toFixed(4)}`,
    `False alarms ${(100 * found.falseAlarms).toFixed(1)}% of good test pictures, wanted ${100 * found.wantedFalseAlarms}%`,
    'Made drifts, sudden',
    ...found.drifts.measured.map(
      ({ drift, streams, noticed, meanDelay, falseAlarms }) =>
        `  ${drift}: noticed in ${noticed} of ${streams}, after ${meanDelay === null ? '-' : meanDelay.toFixed(1)} pictures; ${falseAlarms} false alarms`,
    ),
    'Made drifts, slow: noticed before single pictures are alarms twice as often',
    ...found.drifts.measured.map(({ drift, streams, slow }) => {
      const [before, then, after] = [slow.alarms[0]!, slow.alarmsWhenNoticed, slow.alarms.at(-1)!].map((share) =>
        share === null ? '-' : `${(100 * share).toFixed(1)}%`,
      );
      return `  ${drift}: noticed in ${slow.noticed} of ${streams}, in time in ${slow.inTime}; alarms ${before} before, ${then} when noticed, ${after} at the end`;
    }),
  ].join('\n');
}
