// Inspect: learn from good pictures, then see whether another one deviates, and where. The pictures are test images, with made defects, or the user's.
import { fashionMnistClassNames as classNames } from 'selvedge/data';
import { type DefectWish, defectExtents, defectWishes, type InspectAnswer } from '../engine/protocol.ts';
import { DropZone } from '../parts/drop-zone.tsx';
import { FileButton } from '../parts/file-button.tsx';
import { percent, plural } from '../parts/format.ts';
import { Image } from '../parts/image.tsx';
import { Notice } from '../parts/notice.tsx';
import { NumberField } from '../parts/number-field.tsx';
import {
  defectWish,
  falseAlarms,
  goodLabel,
  inspectAnswer,
  inspectError,
  inspectFile,
  inspectMade,
  isInspecting,
  isLearning,
  learn,
  learnError,
  learnt,
  verdictOf,
} from '../state/inspect.ts';

const kindNames: Readonly<Record<DefectWish['kind'], string>> = {
  none: 'None: as it is',
  hole: 'Hole',
  stain: 'Stain',
  seam: 'Open seam',
  missing: 'Missing part',
  print: 'Print',
  tone: 'Wrong tone',
};
const RATES = [0.01, 0.05, 0.1];
const MOST_SEED = 999_999;

interface ChoiceProps {
  readonly id: string;
  readonly label: string;
  readonly value: string | number;
  readonly options: readonly (readonly [value: string | number, text: string])[];
  readonly onChoice: (place: number) => void;
}

function Choice({ id, label, value, options, onChoice }: ChoiceProps) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChoice(event.currentTarget.selectedIndex)}>
        {options.map(([own, text]) => (
          <option key={own} value={own}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

function Good() {
  const known = learnt.value;
  const learnFiles = (files: readonly File[]): void => {
    void learn({ kind: 'files', files });
  };
  return (
    <section aria-labelledby="inspect-good">
      <h2 id="inspect-good">What is good</h2>
      <form
        class="choices"
        onSubmit={(event) => {
          event.preventDefault();
          void learn({ kind: 'class', label: goodLabel.value });
        }}
      >
        <Choice
          id="good-class"
          label="Test images of"
          value={goodLabel.value}
          options={classNames.map((name, label) => [label, name] as const)}
          onChoice={(label) => {
            goodLabel.value = label;
          }}
        />
        <Choice
          id="false-alarms"
          label="False alarms"
          value={falseAlarms.value}
          options={RATES.map((rate) => [rate, percent(rate, 0)] as const)}
          onChoice={(place) => {
            falseAlarms.value = RATES[place]!;
          }}
        />
        <button type="submit" class="main">
          Learn
        </button>
      </form>
      <DropZone onFiles={(files) => files && learnFiles([...files])}>
        <p>Or drop good pictures of your own, 35 or more for 5%, or</p>
        <FileButton label="Choose good pictures" id="good-files" onFiles={learnFiles} />
      </DropZone>
      {isLearning.value && <p class="placeholder">Learning …</p>}
      {learnError.value !== '' && <Notice kind="error">{learnError.value}</Notice>}
      {known && (
        <p class="learnt">
          Learnt from {plural(known.learntFrom, 'good picture')} of {known.name}; {known.heldOut} held out set the
          threshold for {percent(known.falseAlarms, 0)} false alarms.
          {known.refused.length > 0 && ` Not read: ${known.refused.join('; ')}.`}
        </p>
      )}
    </section>
  );
}

function Made() {
  const wish = defectWish.value;
  const change = (changes: Partial<DefectWish>): void => {
    defectWish.value = { ...defectWish.value, ...changes };
  };
  return (
    <form
      class="choices"
      onSubmit={(event) => {
        event.preventDefault();
        void inspectMade(defectWish.value);
      }}
    >
      <Choice
        id="defect-kind"
        label="Made defect"
        value={wish.kind}
        options={defectWishes.map((kind) => [kind, kindNames[kind]] as const)}
        onChoice={(place) => change({ kind: defectWishes[place]! })}
      />
      <Choice
        id="defect-size"
        label="Size"
        value={wish.size}
        options={defectExtents.map((size) => [size, size] as const)}
        onChoice={(place) => change({ size: defectExtents[place]! })}
      />
      <NumberField
        id="defect-seed"
        label="Seed"
        value={wish.seed}
        min={0}
        max={MOST_SEED}
        step={1}
        onChange={(seed) => change({ seed })}
      />
      <div class="row">
        <button type="submit" class="main">
          Inspect it
        </button>
        <button type="button" onClick={() => void inspectMade({ ...wish, seed: (wish.seed + 1) % (MOST_SEED + 1) })}>
          Another one
        </button>
      </div>
    </form>
  );
}

function Asked() {
  const known = learnt.value;
  const take = (file: File): void => {
    void inspectFile(file);
  };
  return (
    <section aria-labelledby="inspect-asked">
      <h2 id="inspect-asked">Look at</h2>
      {known ? (
        <>
          {known.hasOthers && <h3>Another {known.name} of the test images</h3>}
          {known.hasOthers && <Made />}
          <h3>A picture of your own</h3>
          <DropZone onFiles={(files) => files?.[0] && take(files[0])}>
            <p>Drop a picture, or</p>
            <FileButton label="Choose a file" id="inspect-file" onFile={take} />
          </DropZone>
        </>
      ) : (
        <p class="placeholder">First it must learn what is good.</p>
      )}
    </section>
  );
}

function Verdict({ found }: { readonly found: InspectAnswer }) {
  const { name, pixels, isAlarm, probability, where, farthest, made } = found;
  const place = farthest ? `most in column ${farthest.x + 1}, row ${farthest.y + 1} of 28` : 'nowhere';
  return (
    <>
      <p class="verdict-line">
        <strong class={isAlarm ? 'bad' : 'good'}>{verdictOf(found)}</strong> {name}
      </p>
      <p>
        {probability < 0.1 ? 'Only ' : ''}
        {percent(probability, 1)} of good pictures look as strange or stranger (p-value);{' '}
        {percent(found.falseAlarms, 0)} or less is an alarm.
      </p>
      <ul class="maps">
        <li>
          <Image pixels={pixels} label={`${name}, as the network sees it`} />
          <span>Picture</span>
        </li>
        <li>
          <Image pixels={pixels} overlay={where} label={`Where ${name} deviates: ${place}`} />
          <span>Deviates {place}</span>
        </li>
        {made && (
          <li>
            <Image pixels={pixels} overlay={made} label="Where the defect was made" />
            <span>Where the defect was made</span>
          </li>
        )}
      </ul>
    </>
  );
}

function Found() {
  const found = inspectAnswer.value;
  return (
    <section class="card" aria-labelledby="inspect-found">
      <h2 id="inspect-found">What deviates</h2>
      {inspectError.value !== '' && <Notice kind="error">{inspectError.value}</Notice>}
      {isInspecting.value && <p class="placeholder">Looking …</p>}
      {found ? (
        <Verdict found={found} />
      ) : (
        !isInspecting.value && inspectError.value === '' && <p class="placeholder">Nothing is inspected yet.</p>
      )}
    </section>
  );
}

export function InspectView() {
  return (
    <>
      <h1>Does it deviate?</h1>
      <p class="lead">
        From good pictures alone it learns, in this tab, what is usual, and tells what is not, and where. It sees
        pictures as 28 by 28 grey pixels: what is smaller than one of them is not seen. Defects here are drawn, not
        photographed.
      </p>
      <div class="two-columns wide-right">
        <div>
          <Good />
          <Asked />
        </div>
        <Found />
      </div>
    </>
  );
}
