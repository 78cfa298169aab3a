// A confusion matrix as a table that is a heat map too. Each cell is a button that shows its images.
// Invariant: the counts are text; the colour only repeats them.
import { percent } from './format.ts';
import { Scrolling } from './scrolling.tsx';

interface Props {
  readonly classNames: readonly string[];
  /** Counts `[true class][predicted class]`. */
  readonly confusion: readonly (readonly number[])[];
  readonly chosen: { readonly truth?: number | undefined; readonly label?: number | undefined };
  readonly onChoose: (truth: number, label: number) => void;
}

/** Shades beside the empty one; fine enough to see, few enough for classes in a style sheet. */
const SHADES = 6;

/** Mistakes are few beside what is right: a square root lets them be seen. */
function shadeOf(share: number): number {
  return share === 0 ? 0 : Math.max(1, Math.ceil(SHADES * Math.sqrt(share)));
}

export function ConfusionMatrix({ classNames, confusion, chosen, onChoose }: Props) {
  return (
    <Scrolling label="The matrix as a table">
      <table class="confusion">
        <caption>Rows: what it is. Columns: what the model says. A cell shows its images.</caption>
        <thead>
          <tr>
            <td />
            {classNames.map((name) => (
              <th key={name} scope="col">
                <span>{name}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {confusion.map((row, truth) => {
            const total = row.reduce((sum, value) => sum + value, 0);
            return (
              <tr key={classNames[truth]}>
                <th scope="row">{classNames[truth]}</th>
                {row.map((value, label) => (
                  <td
                    key={classNames[label]}
                    class={`${truth === label ? 'right' : 'mistaken'} shade-${shadeOf(total === 0 ? 0 : value / total)}`}
                  >
                    {value === 0 ? (
                      <span class="none">0</span>
                    ) : (
                      <button
                        type="button"
                        aria-pressed={chosen.truth === truth && chosen.label === label}
                        title={`${classNames[truth]} taken for ${classNames[label]}: ${value}, ${percent(value / total)}`}
                        onClick={() => onChoose(truth, label)}
                      >
                        {value}
                      </button>
                    )}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scrolling>
  );
}
