// The curves of a training: loss and accuracy over epochs, with the running epoch, and the same as a table.
import type { StoredRun } from '../engine/protocol.ts';
import type { LiveTraining } from '../state/training.ts';
import { count, duration, percent } from './format.ts';
import { LineChart, type Series } from './line-chart.tsx';
import { Scrolling } from './scrolling.tsx';

type EpochRecord = StoredRun['history'][number];

interface Props {
  readonly history: readonly EpochRecord[];
  readonly epochs: number;
  readonly trace?: LiveTraining['trace'] | undefined;
}

type Progress = LiveTraining['trace'][number];

function seriesOf(
  { history, trace }: Props,
  trained: (record: EpochRecord | Progress) => number,
  validated: (record: EpochRecord) => number | undefined,
): Series[] {
  const validation = history.flatMap((record): [number, number][] => {
    const value = validated(record);
    return value === undefined ? [] : [[record.epoch, value]];
  });
  const running = trace?.map(
    (progress) => [progress.epoch - 1 + progress.step / progress.steps, trained(progress)] as const,
  );
  const points = history.map((record) => [record.epoch, trained(record)] as const);
  return [
    { name: 'training', tone: 'first', points, trace: running },
    { name: 'validation', tone: 'second', points: validation },
  ];
}

/** Decimals that tell multiples of a step from each other. */
const decimalsOf = (step: number): number =>
  [0, 1, 2].find((digits) => Number(step.toFixed(digits)) === Number(step.toFixed(6))) ?? 3;

export function TrainingChart(props: Props) {
  const { history, epochs } = props;
  return (
    <div>
      <div class="charts">
        <LineChart
          title="Loss"
          epochs={epochs}
          format={(value) => value.toFixed(3)}
          formatTick={(value, step) => value.toFixed(decimalsOf(step))}
          series={seriesOf(
            props,
            ({ loss }) => loss,
            ({ validationLoss }) => validationLoss,
          )}
        />
        <LineChart
          title="Accuracy"
          epochs={epochs}
          format={(value) => percent(value)}
          formatTick={(value, step) => percent(value, decimalsOf(100 * step))}
          most={1}
          series={seriesOf(
            props,
            ({ accuracy }) => accuracy,
            ({ validationAccuracy }) => validationAccuracy,
          )}
        />
      </div>
      {history.length > 0 && (
        <details>
          <summary>Every epoch in figures</summary>
          <EpochTable history={history} />
        </details>
      )}
    </div>
  );
}

function EpochTable({ history }: { readonly history: readonly EpochRecord[] }) {
  const optional = (value: number | undefined, format: (value: number) => string): string =>
    value === undefined ? '–' : format(value);
  return (
    <Scrolling label="Every epoch in figures">
      <table>
        <caption>After each epoch</caption>
        <thead>
          <tr>
            {['Epoch', 'Loss', 'Accuracy', 'Validation loss', 'Validation accuracy', 'Images/s', 'Time'].map(
              (title) => (
                <th key={title} scope="col" class="number">
                  {title}
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody>
          {history.map((record) => (
            <tr key={record.epoch}>
              <th scope="row" class="number">
                {record.epoch}
              </th>
              <td class="number">{record.loss.toFixed(4)}</td>
              <td class="number">{percent(record.accuracy, 2)}</td>
              <td class="number">{optional(record.validationLoss, (value) => value.toFixed(4))}</td>
              <td class="number">{optional(record.validationAccuracy, (value) => percent(value, 2))}</td>
              <td class="number">{count(record.imagesPerSecond)}</td>
              <td class="number">{duration(record.durationMs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolling>
  );
}
