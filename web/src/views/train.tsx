// Train: choose a network and its regime, and watch it learn. What is stopped, or cut off by a reload, goes on from its checkpoint.
import type { StoredRun, TrainingChoice } from '../engine/protocol.ts';
import { count, duration, percent, plural } from '../parts/format.ts';
import { Notice } from '../parts/notice.tsx';
import { NumberField } from '../parts/number-field.tsx';
import { TrainingChart } from '../parts/training-chart.tsx';
import { dataState } from '../state/data.ts';
import { job } from '../state/engine.ts';
import { showEvaluation } from '../state/evaluation.ts';
import {
  choice,
  type LiveTraining,
  live,
  removeRun,
  stopTraining,
  storedRuns,
  train,
  trainableModels,
  trainingError,
} from '../state/training.ts';

const models: Readonly<Record<string, { readonly title: string; readonly text: string }>> = {
  baseline: { title: 'baseline', text: 'Three convolutions, 241,546 weights' },
  dropout: { title: 'dropout', text: 'The same with dropout: the study’s better one' },
  resnet20: { title: 'resnet20', text: '20 layers with batch norm: better still, several times slower' },
};

const change = (changed: Partial<TrainingChoice>): void => {
  choice.value = { ...choice.value, ...changed };
};

/** What makes two trainings the same up to their length. */
const isSameRegime = (a: TrainingChoice, b: TrainingChoice): boolean =>
  a.batchSize === b.batchSize && a.learningRate === b.learningRate && a.augment === b.augment && a.seed === b.seed;

function Models({ isDisabled }: { readonly isDisabled: boolean }) {
  return (
    <fieldset class="models" disabled={isDisabled}>
      <legend>Network</legend>
      {trainableModels.map((name) => (
        <label key={name} class="option">
          <input
            type="radio"
            name="network"
            value={name}
            checked={choice.value.model === name}
            onChange={() => select(name)}
          />
          <span>
            <b>{models[name]!.title}</b>
            <span class="aside">{models[name]!.text}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

/** The regime of a training that was begun is taken over, so that it can go on. */
function select(model: string): void {
  const stored = storedRuns.value[model];
  change(stored ? { ...stored.choice } : { model });
}

function Regime({ isDisabled }: { readonly isDisabled: boolean }) {
  const { epochs, batchSize, learningRate, augment, seed } = choice.value;
  return (
    <fieldset class="regime" disabled={isDisabled}>
      <legend>Regime</legend>
      <NumberField
        id="epochs"
        label="Epochs"
        value={epochs}
        min={1}
        max={500}
        step={1}
        onChange={(value) => change({ epochs: value })}
      />
      <NumberField
        id="batch-size"
        label="Batch size"
        value={batchSize}
        min={1}
        max={1024}
        step={1}
        onChange={(value) => change({ batchSize: value })}
      />
      <NumberField
        id="learning-rate"
        label="Learning rate"
        value={learningRate}
        min={0.00001}
        max={1}
        step="any"
        onChange={(value) => change({ learningRate: value })}
      />
      <NumberField
        id="seed"
        label="Seed"
        value={seed}
        min={0}
        max={4294967295}
        step={1}
        onChange={(value) => change({ seed: value })}
      />
      <label class="check">
        <input
          type="checkbox"
          checked={augment}
          onChange={(event) => change({ augment: event.currentTarget.checked })}
        />
        <span>Augment: flip, shift, turn and scale the images at random</span>
      </label>
    </fieldset>
  );
}

function Buttons({
  stored,
  training,
}: {
  readonly stored: StoredRun | undefined;
  readonly training: LiveTraining | undefined;
}) {
  if (training) {
    return (
      <button type="button" class="main" disabled={training.isStopping} onClick={() => void stopTraining()}>
        {training.isStopping ? 'Stopping …' : 'Stop'}
      </button>
    );
  }
  const wanted = choice.value;
  const isBusy = job.value !== undefined;
  const done = stored?.history.length ?? 0;
  const mayGoOn =
    stored !== undefined && isSameRegime(stored.choice, wanted) && (!stored.isComplete || wanted.epochs > done);
  return (
    <>
      {mayGoOn && (
        <button type="button" class="main" disabled={isBusy} onClick={() => void train(wanted, false)}>
          Resume
        </button>
      )}
      <button type="button" class={mayGoOn ? '' : 'main'} disabled={isBusy} onClick={() => void train(wanted, true)}>
        {stored ? 'Train anew' : 'Train'}
      </button>
      {stored && (
        <button type="button" class="quiet" disabled={isBusy} onClick={() => void removeRun(wanted.model)}>
          Remove
        </button>
      )}
      {stored?.isComplete && (
        <button
          type="button"
          onClick={() => {
            location.hash = 'evaluate';
            void showEvaluation(wanted.model);
          }}
        >
          Evaluate it
        </button>
      )}
    </>
  );
}

/** Where the training stands, in words and figures. */
function Standing({
  stored,
  training,
}: {
  readonly stored: StoredRun | undefined;
  readonly training: LiveTraining | undefined;
}) {
  if (training) {
    const { progress, epochs } = training;
    if (!progress) return <p class="standing">Getting ready: data, weights, plan …</p>;
    const share = (progress.epoch - 1 + progress.step / progress.steps) / epochs;
    const perEpochMs = (progress.elapsedMs * progress.steps) / progress.step;
    return (
      <div class="standing">
        <progress value={share} max={1} aria-label="Training" />
        <dl class="facts">
          <Fact name="Epoch" value={`${progress.epoch} of ${epochs}`} />
          <Fact name="Update" value={`${count(progress.step)} of ${count(progress.steps)}`} />
          <Fact name="Images a second" value={count(progress.imagesPerSecond)} />
          <Fact name="Left, about" value={duration(perEpochMs * epochs * (1 - share))} />
        </dl>
      </div>
    );
  }
  if (!stored) return <p class="placeholder">Not trained yet. {trainingTime()}</p>;
  const last = stored.history.at(-1);
  const done = stored.history.length;
  return (
    <div class="standing">
      <p>
        {stored.isComplete
          ? `Trained for ${plural(done, 'epoch')}${stored.isSample ? ' on the sample' : ''}.`
          : `Stopped after ${plural(done, 'epoch')} of ${stored.choice.epochs}; it goes on from its checkpoint.`}
      </p>
      {last && (
        <dl class="facts">
          {last.validationAccuracy !== undefined && (
            <Fact name="Validation accuracy" value={percent(last.validationAccuracy, 2)} />
          )}
          {last.validationLoss !== undefined && <Fact name="Validation loss" value={last.validationLoss.toFixed(4)} />}
          <Fact name="Images a second" value={count(last.imagesPerSecond)} />
        </dl>
      )}
    </div>
  );
}

function trainingTime(): string {
  const state = dataState.value;
  if (state.kind !== 'ready') return '';
  return state.summary.source.isSample
    ? 'On the sample, an epoch takes about a second.'
    : 'On the whole data set, an epoch takes about a quarter of a minute on two cores.';
}

export function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

export function TrainView() {
  const training = job.value === 'training' ? live.value : undefined;
  const model = training?.model ?? choice.value.model;
  const stored = storedRuns.value[model];
  const history = training?.history ?? stored?.history ?? [];
  const epochs = training?.epochs ?? stored?.choice.epochs ?? choice.value.epochs;
  const isSample = dataState.value.kind === 'ready' && dataState.value.summary.source.isSample;
  return (
    <>
      <h1>Train a network</h1>
      <p class="lead">
        The same trainer as on the command line: from the same seed and data, <code>selvedge train</code> ends with the
        same weights to the bit.
      </p>
      {isSample && (
        <Notice kind="note">
          <p>
            On the small sample: 1,600 images train, 400 validate. <a href="#data">Give the page the whole data set</a>{' '}
            for the real thing.
          </p>
        </Notice>
      )}
      <div class="two-columns wide-right">
        <form class="card" onSubmit={(event) => event.preventDefault()}>
          <Models isDisabled={training !== undefined} />
          <Regime isDisabled={training !== undefined} />
        </form>
        <section class="card" aria-labelledby="training-title">
          <h2 id="training-title">{model}</h2>
          <Standing stored={stored} training={training} />
          <div class="row buttons">
            <Buttons stored={stored} training={training} />
          </div>
          {trainingError.value !== '' && <Notice kind="error">{trainingError.value}</Notice>}
          <TrainingChart history={history} epochs={epochs} trace={training?.trace} />
        </section>
      </div>
    </>
  );
}
