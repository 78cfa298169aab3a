// Chooses between the models that ship and those that were trained here and are whole.
import type { ModelChoice } from '../engine/protocol.ts';
import { storedRuns } from '../state/training.ts';

interface Props {
  readonly id: string;
  readonly label: string;
  readonly value: ModelChoice;
  readonly onChoose: (model: ModelChoice) => void;
}

export function ModelChoiceField({ id, label, value, onChoose }: Props) {
  const trained = Object.values(storedRuns.value).filter(({ isComplete }) => isComplete);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChoose(event.currentTarget.value)}>
        <option value="best">Shipped: best, the most accurate</option>
        <option value="small">Shipped: dropout, small and fast</option>
        {trained.map(({ model, choice }) => (
          <option key={model} value={model}>
            {`Yours: ${model}, ${choice.epochs} ${choice.epochs === 1 ? 'epoch' : 'epochs'}`}
          </option>
        ))}
      </select>
    </div>
  );
}
