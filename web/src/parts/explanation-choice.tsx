// Whether the answer's picture shows what the model looks at, and by which method.
import type { MethodName } from 'selvedge/explain';
import { explanationError, explanationMethod, isExplaining, isExplanationWanted } from '../state/explanation.ts';
import { Notice } from './notice.tsx';

const methods: readonly { readonly method: MethodName; readonly label: string }[] = [
  { method: 'grad-cam', label: 'Grad-CAM: features of the last convolution' },
  { method: 'saliency', label: 'Saliency: slope of the score' },
  { method: 'smooth-grad', label: 'SmoothGrad: the same, of noisy copies' },
  { method: 'integrated-gradients', label: 'Integrated gradients: what each pixel adds' },
  { method: 'occlusion', label: 'Occlusion: what the score loses' },
];

export function ExplanationChoice() {
  const isOn = isExplanationWanted.value;
  return (
    <div class="explanation">
      <label class="check">
        <input
          type="checkbox"
          checked={isOn}
          onChange={(event) => {
            isExplanationWanted.value = event.currentTarget.checked;
          }}
        />
        <span>Show what it looks at</span>
      </label>
      {isOn && (
        <>
          <div class="field">
            <label for="explanation-method">Method</label>
            <select
              id="explanation-method"
              value={explanationMethod.value}
              onChange={(event) => {
                explanationMethod.value = event.currentTarget.value as MethodName;
              }}
            >
              {methods.map(({ method, label }) => (
                <option key={method} value={method}>
                  {label}
                </option>
              ))}
            </select>
          </div>
          <p class="aside">
            {isExplaining.value ? 'Looking …' : 'Orange to yellow speaks for the answer, blue to cyan against it.'}
          </p>
          {explanationError.value !== '' && <Notice kind="error">{explanationError.value}</Notice>}
        </>
      )}
    </div>
  );
}
