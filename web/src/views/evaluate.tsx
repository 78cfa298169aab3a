// Evaluate: how a model does on the test set: accuracy, confusion matrix, scores by class, and what it took for something else.
import type { EvaluationSummary } from '../engine/protocol.ts';
import { ConfusionMatrix } from '../parts/confusion-matrix.tsx';
import { count, percent } from '../parts/format.ts';
import { Image } from '../parts/image.tsx';
import { ModelChoiceField } from '../parts/model-choice.tsx';
import { Notice } from '../parts/notice.tsx';
import { Scrolling } from '../parts/scrolling.tsx';
import { dataState } from '../state/data.ts';
import { job } from '../state/engine.ts';
import {
  evaluate,
  evaluatedModel,
  evaluation,
  evaluationError,
  evaluationProgress,
  MISTAKES_PAGE,
  mistakes,
  showEvaluation,
  showMistakes,
} from '../state/evaluation.ts';
import { Pages } from './explore.tsx';
import { Fact } from './train.tsx';

function Headline({ found }: { readonly found: EvaluationSummary }) {
  const { low, high } = found.accuracyInterval95;
  return (
    <dl class="facts">
      <Fact name="Test accuracy" value={percent(found.accuracy, 2)} />
      <Fact name="95% interval" value={`${percent(low)} to ${percent(high)}`} />
      <Fact name="Test loss" value={found.loss.toFixed(4)} />
      <Fact name="Right" value={count(found.correct)} />
      <Fact name="Wrong" value={count(found.incorrect)} />
    </dl>
  );
}

function Scores({ found }: { readonly found: EvaluationSummary }) {
  const { classes, macro, weighted } = found.scores;
  const rows = [...classes, { name: 'macro average', ...macro }, { name: 'weighted average', ...weighted }];
  return (
    <section aria-labelledby="scores-title">
      <h2 id="scores-title">Classification report</h2>
      <Scrolling label="Scores of each class">
        <table>
          <caption>Accuracy {found.accuracy.toFixed(4)}</caption>
          <thead>
            <tr>
              <th scope="col">Class</th>
              {['Precision', 'Recall', 'F1', 'Support'].map((title) => (
                <th key={title} scope="col" class="number">
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.name}>
                <th scope="row">{row.name}</th>
                <td class="number">{row.precision.toFixed(3)}</td>
                <td class="number">{row.recall.toFixed(3)}</td>
                <td class="number">{row['f1-score'].toFixed(3)}</td>
                <td class="number">{count(row.support)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolling>
    </section>
  );
}

function Confused({ found }: { readonly found: EvaluationSummary }) {
  if (found.mostConfusedPairs.length === 0) return null;
  return (
    <section aria-labelledby="pairs-title">
      <h2 id="pairs-title">Confused most</h2>
      <ol class="pairs">
        {found.mostConfusedPairs.map(({ label, otherLabel, name, otherName, total, shareOfMistakes }) => (
          <li key={`${label}-${otherLabel}`}>
            <span>
              {name} and {otherName}
            </span>
            <span class="aside">
              {count(total)}, {percent(shareOfMistakes, 0)} of all mistakes
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Mistakes({ found }: { readonly found: EvaluationSummary }) {
  const page = mistakes.value;
  if (!page) return null;
  const { truth, label } = page.filter;
  const { classNames } = found;
  const isCell = truth !== undefined && label !== undefined;
  const title = !isCell
    ? 'Wrong predictions'
    : truth === label
      ? `${classNames[truth]}, seen as such`
      : `${classNames[truth]}, taken for ${classNames[label]}`;
  return (
    <section aria-labelledby="mistakes-title" id="mistakes">
      <div class="row apart">
        <h2 id="mistakes-title">{title}</h2>
        {isCell && (
          <button type="button" class="quiet" onClick={() => void showMistakes({}, 0)}>
            All wrong predictions
          </button>
        )}
      </div>
      <ul class="mistakes">
        {page.mistakes.map((mistake) => (
          <li key={mistake.index}>
            <Image pixels={mistake.pixels} label={`Test image ${mistake.index}`} />
            <p>
              <span class="said">
                {classNames[mistake.label]} <span class="aside">{percent(mistake.probability, 0)}</span>
              </span>
              {mistake.label !== mistake.truth && <span class="is">is: {classNames[mistake.truth]}</span>}
            </p>
          </li>
        ))}
      </ul>
      <Pages
        start={page.start}
        size={MISTAKES_PAGE}
        total={page.total}
        what="images"
        onGo={(start) => void showMistakes(page.filter, start)}
      />
    </section>
  );
}

export function EvaluateView() {
  const found = evaluation.value;
  const isRunning = job.value === 'evaluation';
  const isSample = dataState.value.kind === 'ready' && dataState.value.summary.source.isSample;
  return (
    <>
      <h1>How good is it?</h1>
      <p class="lead">A model on the test set: images that no training has seen.</p>
      {isSample && (
        <Notice kind="note">
          <p>On the sample’s 1,000 test images, not the whole 10,000: the interval is three times as wide.</p>
        </Notice>
      )}
      <div class="row controls">
        <ModelChoiceField
          id="evaluate-model"
          label="Model"
          value={evaluatedModel.value}
          onChoose={(model) => void showEvaluation(model)}
        />
        <button
          type="button"
          class="main"
          disabled={job.value !== undefined}
          onClick={() => void evaluate(evaluatedModel.value)}
        >
          {isRunning ? 'Evaluating …' : found ? 'Evaluate again' : 'Evaluate'}
        </button>
        {isRunning && <progress value={evaluationProgress.value || undefined} max={1} aria-label="Evaluation" />}
      </div>
      {evaluationError.value !== '' && <Notice kind="error">{evaluationError.value}</Notice>}
      {found && (
        <>
          <Headline found={found} />
          <section aria-labelledby="confusion-title">
            <h2 id="confusion-title">Confusion matrix</h2>
            <ConfusionMatrix
              classNames={found.classNames}
              confusion={found.confusion}
              chosen={mistakes.value?.filter ?? {}}
              onChoose={(truth, label) => {
                void showMistakes({ truth, label }, 0);
                document.getElementById('mistakes')?.scrollIntoView();
              }}
            />
          </section>
          <Mistakes found={found} />
          <div class="two-columns">
            <Scores found={found} />
            <Confused found={found} />
          </div>
        </>
      )}
    </>
  );
}
