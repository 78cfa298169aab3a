// What a model says of a picture: what it saw, the likeliest class, and the probability of each.
import type { Classification } from '../engine/protocol.ts';
import { explanation, isExplanationWanted } from '../state/explanation.ts';
import { ExplanationChoice } from './explanation-choice.tsx';
import { percent } from './format.ts';
import { Image } from './image.tsx';

interface Props {
  readonly answer: Classification;
  readonly classNames: readonly string[];
}

export function Answer({ answer, classNames }: Props) {
  const { probabilities, pixels, durationMs, ground, name } = answer;
  const ranked = classNames
    .map((className, label) => ({ className, probability: probabilities[label] ?? 0 }))
    .sort((a, b) => b.probability - a.probability);
  const best = ranked[0]!;
  return (
    <div class="answer">
      <div class={isExplanationWanted.value ? 'verdict explained' : 'verdict'}>
        <Image
          pixels={pixels}
          overlay={explanation.value}
          label={`${name}, as the model sees it: 28 by 28 pixels${explanation.value ? ', with what it looks at' : ''}`}
        />
        <div>
          <p class="best">{best.className}</p>
          <p class="aside">
            {percent(best.probability)} sure, in {durationMs.toFixed(durationMs < 10 ? 1 : 0)} ms
            {ground === 'light' && <span class="further">. Light ground: shown on dark, as in the data set</span>}
          </p>
        </div>
      </div>
      <ExplanationChoice />
      <ol class="probabilities" aria-label="Probability of each class">
        {ranked.map(({ className, probability }) => (
          <li key={className}>
            <span class="name">{className}</span>
            <span class="bar" aria-hidden="true">
              <span style={{ width: `${(100 * probability).toFixed(2)}%` }} />
            </span>
            <span class="value">{percent(probability)}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}
