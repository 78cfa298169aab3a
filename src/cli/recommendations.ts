// What docs/results has of the study's ten recommendations, for the report. Not here: what is said of it (src/report/recommendations.ts).
// Invariant: a result that is not there, is cut or has another shape is left out with the reason; the others are told.
import * as v from 'valibot';
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { differenceInterval95, type Proportion, wilsonInterval95 } from '../evaluation/statistics.ts';
import { parseJournal, replayJournal } from '../experiments/journal.ts';
import { attributeNames, bestTrial } from '../experiments/tune.ts';
import {
  type RecommendationResultName,
  type RecommendationResults,
  type ReportRecommendations,
  recommendationSchemas,
  type TuningOutcome,
} from '../report/recommendations-input.ts';
import { parseResult, readShippedResult } from './result-files.ts';

/** Written out, so that bundlers find the files. */
const addresses: Readonly<Record<RecommendationResultName, () => URL>> = {
  augmentation: () => new URL('../../docs/results/augmentation.json', import.meta.url),
  record: () => new URL('../../docs/results/record.json', import.meta.url),
  classification: () => new URL('../../docs/results/classification.json', import.meta.url),
  tuning: () => new URL('../../docs/results/tuning/distilled.jsonl', import.meta.url),
  distilled: () => new URL('../../docs/results/distilled/classification.json', import.meta.url),
  muon: () => new URL('../../docs/results/muon.json', import.meta.url),
  transfer: () => new URL('../../docs/results/transfer.json', import.meta.url),
  mobilenet: () => new URL('../../docs/results/mobilenet.json', import.meta.url),
  imbalance: () => new URL('../../docs/results/imbalance.json', import.meta.url),
  ensembles: () => new URL('../../docs/results/ensembles.json', import.meta.url),
  explain: () => new URL('../../docs/results/explain.json', import.meta.url),
  preprocessing: () => new URL('../../docs/results/preprocessing.json', import.meta.url),
  published: () => new URL('../../docs/results/published.json', import.meta.url),
};
const names = Object.keys(addresses) as readonly RecommendationResultName[];

/**
 * Gathers what came of the recommendations.
 *
 * @param read The text of a result file, or undefined where there is none; tests give texts of their own
 */
export async function gatherRecommendations(
  read: (name: RecommendationResultName) => Promise<string | undefined> = (name) =>
    readShippedResult(addresses[name]()),
): Promise<ReportRecommendations> {
  const found: Record<string, unknown> = {};
  const absent: Partial<Record<RecommendationResultName, string>> = {};
  const texts = await Promise.all(names.map(read));
  names.forEach((name, i) => {
    const text = texts[i];
    if (text === undefined) {
      absent[name] = 'is not here';
      return;
    }
    try {
      found[name] = name === 'tuning' ? tuningOutcome(text) : parseResult(recommendationSchemas[name], text);
    } catch (error) {
      absent[name] = `cannot be read: ${messageOf(error)}`;
    }
  });
  const results = found as RecommendationResults;
  const { record, distilled, classification } = results;
  const [first] = record?.seeds ?? [];
  return {
    results,
    absent,
    recordGain: gainOver(first, classification),
    distilledGain: gainOver(distilled, classification),
  };
}

/** On the test set, as if of separate images. */
function gainOver(
  one: Pick<NonNullable<RecommendationResults['distilled']>, 'accuracy' | 'accuracyInterval95'> | undefined,
  other: RecommendationResults['classification'],
): ReportRecommendations['recordGain'] {
  if (!one || !other) return undefined;
  const [ours, shipped] = [one, other].map(({ accuracy, accuracyInterval95 }) => ({
    share: accuracy,
    ...accuracyInterval95,
  })) as [Proportion, Proportion];
  return { mean: ours.share - shipped.share, ...differenceInterval95(ours, shipped) };
}

/** Of the settings of a study of ours. */
const settingsSchema = v.object({
  objective: v.object({ examples: v.number(), validationExamples: v.pipe(v.number(), v.minValue(1)) }),
});

function tuningOutcome(text: string): TuningOutcome {
  const name = 'distilled.jsonl';
  const bytes = new TextEncoder().encode(text);
  const { lines, wholeBytes } = parseJournal(bytes, name);
  if (wholeBytes < bytes.length) throw new SelvedgeError('journal/format', 'expected a whole last line, got a part');
  const [study] = replayJournal(lines, name);
  const value = study && bestTrial(study)?.value;
  if (!study || value === undefined)
    throw new SelvedgeError('journal/format', 'expected a study with a complete trial');
  const { objective } = v.parse(settingsSchema, study.userAttributes[attributeNames.settings]);
  const { examples, validationExamples } = objective;
  const interval = wilsonInterval95(value * validationExamples, validationExamples);
  return {
    trials: study.trials.length,
    complete: study.trials.filter(({ state }) => state === 'complete').length,
    examples,
    validationExamples,
    best: { mean: value, ...interval },
  };
}
