// A labelled number. Invariant: what is no number in the range is said to be wrong and not taken.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

interface Props {
  readonly id: string;
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step: number | 'any';
  readonly onChange: (value: number) => void;
}

export function NumberField({ id, label, value, min, max, step, onChange }: Props) {
  const text = useSignal(String(value));
  useEffect(() => {
    if (Number(text.peek()) !== value) text.value = String(value);
  }, [value]);
  const number = Number(text.value);
  const isRight =
    text.value.trim() !== '' && number >= min && number <= max && (step === 'any' || Number.isInteger(number));
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="number"
        inputMode={step === 'any' ? 'decimal' : 'numeric'}
        min={min}
        max={max}
        step={step}
        value={text.value}
        aria-invalid={!isRight}
        aria-describedby={isRight ? undefined : `${id}-error`}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          const next = Number(text.value);
          const isNext =
            text.value.trim() !== '' && next >= min && next <= max && (step === 'any' || Number.isInteger(next));
          if (isNext) onChange(next);
        }}
      />
      {!isRight && (
        <p id={`${id}-error`} class="wrong">
          {step === 'any' ? 'A number' : 'A whole number'} from {min} to {max}
        </p>
      )}
    </div>
  );
}
