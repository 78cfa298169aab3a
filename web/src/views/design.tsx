// Design: pictures of clothes that nobody has photographed, by class, from a picture, or between two. Made in the tab, as by the command.
import { fashionMnistClassNames as classNames } from 'selvedge/data';
import { designDefaults } from '../../../src/apps/generate/design-defaults.ts';
import type { ClassShares, DesignWish } from '../engine/protocol.ts';
import { DropZone } from '../parts/drop-zone.tsx';
import { FileButton } from '../parts/file-button.tsx';
import { duration, percent, plural } from '../parts/format.ts';
import { Image, imageAt } from '../parts/image.tsx';
import { Notice } from '../parts/notice.tsx';
import { NumberField } from '../parts/number-field.tsx';
import { examples } from '../state/classify.ts';
import {
  type DesignKind,
  describeShares,
  designError,
  ends,
  goOnFrom,
  isDesigning,
  kind,
  MOST_DESIGNS,
  MOST_SEED,
  made,
  madeCount,
  makeDesigns,
  type PictureEnd,
  pointed,
  saveDesigns,
  settings,
  shares,
  takePicture,
} from '../state/design.ts';

const kinds: Readonly<Record<DesignKind, string>> = { new: 'New', vary: 'Vary a picture', between: 'Between two' };
const MOST_SHARE = 9;

const labelOf = (name: string): number => (classNames as readonly string[]).indexOf(name);

function KindChoice() {
  return (
    <fieldset class="segments">
      <legend class="unseen">What to make</legend>
      {Object.entries(kinds).map(([name, label]) => (
        <label key={name}>
          <input
            type="radio"
            name="design-kind"
            value={name}
            checked={kind.value === name}
            onChange={() => {
              kind.value = name as DesignKind;
            }}
          />
          <span>{label}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Mixture({ of }: { readonly of: 'new' | 'vary' }) {
  const own = shares.value[of];
  const sum = Object.values(own).reduce((total, share) => total + share, 0);
  const setShare = (name: string, share: number): void => {
    const next: ClassShares = { ...own, [name]: share };
    // In the order of labels, so that nothing jumps.
    const kept = classNames.filter((known) => (next[known] ?? 0) > 0).map((known) => [known, next[known]!] as const);
    shares.value = { ...shares.value, [of]: Object.fromEntries(kept) };
  };
  const chosen = Object.keys(own);
  return (
    <fieldset class="mixture">
      <legend>{of === 'new' ? 'Classes' : 'In the style of; none: of the class that is seen in it'}</legend>
      <div class="chips">
        {classNames.map((name) => (
          <button
            key={name}
            type="button"
            aria-pressed={own[name] !== undefined}
            onClick={() => setShare(name, own[name] === undefined ? 1 : 0)}
          >
            {name}
          </button>
        ))}
      </div>
      {chosen.length > 1 &&
        chosen.map((name) => {
          const share = percent(own[name]! / sum, 0);
          const id = `share-${labelOf(name)}`;
          return (
            <div class="field" key={name}>
              <label for={id}>
                {name}: {share}
              </label>
              <input
                id={id}
                type="range"
                min={1}
                max={MOST_SHARE}
                value={own[name]}
                aria-valuetext={share}
                onInput={(event) => setShare(name, Number(event.currentTarget.value))}
              />
            </div>
          );
        })}
    </fieldset>
  );
}

function PictureChoice({ end, label }: { readonly end: PictureEnd; readonly label: string }) {
  const list = examples.value;
  const picture = ends.value[end];
  const take = (file: File): void => {
    void takePicture(end, { kind: 'file', name: file.name, blob: file });
  };
  return (
    <DropZone onFiles={(files) => files?.[0] && take(files[0])}>
      <div class="end">
        {picture ? (
          <Image pixels={picture.pixels} label={picture.name} />
        ) : (
          <span class="image none" aria-hidden="true" />
        )}
        <div class="field">
          <label for={`design-${end}-example`}>{label}</label>
          <select
            id={`design-${end}-example`}
            value=""
            onChange={(event) => {
              const label = labelOf(event.currentTarget.value);
              const place = list?.labels.indexOf(label) ?? -1;
              if (!list || place < 0) return;
              const name = `the test image of ${classNames[label]}`;
              void takePicture(end, { kind: 'example', name, pixels: imageAt(list.pixels, place).slice() });
            }}
          >
            <option value="">{picture ? picture.name : 'A test image …'}</option>
            {classNames.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </div>
        <FileButton label="Choose a file" id={`design-${end}-file`} onFile={take} />
      </div>
    </DropZone>
  );
}

type Numbers = typeof settings.value;

function Field({
  name,
  label,
  min = 1,
  max,
  step = 1,
}: {
  readonly name: Exclude<keyof Numbers, 'strength'>;
  readonly label: string;
  readonly min?: number;
  readonly max: number;
  readonly step?: number | 'any';
}) {
  return (
    <NumberField
      id={`design-${name}`}
      label={label}
      value={settings.value[name]}
      min={min}
      max={max}
      step={step}
      onChange={(value) => {
        settings.value = { ...settings.value, [name]: value };
      }}
    />
  );
}

function Strength() {
  const { strength } = settings.value;
  return (
    <div class="field wide">
      <label for="design-strength">How much is drawn anew: {percent(strength, 0)}</label>
      <input
        id="design-strength"
        type="range"
        min={0}
        max={100}
        step={5}
        value={100 * strength}
        aria-valuetext={percent(strength, 0)}
        onInput={(event) => {
          settings.value = { ...settings.value, strength: Number(event.currentTarget.value) / 100 };
        }}
      />
    </div>
  );
}

function Wish() {
  const way = kind.value;
  return (
    <section aria-labelledby="design-wish">
      <h2 id="design-wish">Make</h2>
      <form
        class="wish"
        onSubmit={(event) => {
          event.preventDefault();
          void makeDesigns();
        }}
      >
        <KindChoice />
        {way !== 'new' && <PictureChoice end="first" label={way === 'vary' ? 'The picture' : 'From'} />}
        {way === 'between' && <PictureChoice end="second" label="To" />}
        {way !== 'between' && <Mixture of={way} />}
        <div class="numbers">
          {way === 'vary' && <Strength />}
          <Field name="count" label="How many" min={way === 'between' ? 2 : 1} max={MOST_DESIGNS} />
          {way !== 'between' && <Field name="seed" label="Seed" min={0} max={MOST_SEED} />}
          <Field name="steps" label="Steps" max={200} />
          {way !== 'between' && <Field name="guidance" label="How typical" min={0} max={10} step="any" />}
        </div>
        <div class="row">
          <button type="submit" class="main">
            Design
          </button>
          {way !== 'between' && (
            <button
              type="button"
              onClick={() => {
                const { seed } = settings.value;
                settings.value = { ...settings.value, seed: seed === MOST_SEED ? 0 : seed + 1 };
                void makeDesigns();
              }}
            >
              Another seed
            </button>
          )}
        </div>
      </form>
    </section>
  );
}

/** The command that makes the same pictures. */
function commandOf({ shares: own, count, seed, steps, guidance }: DesignWish): string {
  const names = Object.entries(own)
    .map(([name, share], _, all) => (all.length === 1 ? name : `${name}:${share}`))
    .join(',');
  return [
    `selvedge generate --class ${/[ /]/.test(names) ? `"${names}"` : names} --count ${count} --seed ${seed}`,
    ...(steps === designDefaults.steps ? [] : [`--steps ${steps}`]),
    ...(guidance === designDefaults.guidance ? [] : [`--guidance ${guidance}`]),
  ].join(' ');
}

function GoOn({ number }: { readonly number: number }) {
  return (
    <div class="row go-on">
      <span>Design {number + 1}</span>
      <button type="button" onClick={() => void saveDesigns(number)}>
        Save it
      </button>
      <button type="button" onClick={() => goOnFrom(number, 'vary', 'first')}>
        Vary it
      </button>
      <button type="button" onClick={() => goOnFrom(number, 'between', 'first')}>
        Go from it
      </button>
      <button type="button" onClick={() => goOnFrom(number, 'between', 'second')}>
        Go to it
      </button>
    </div>
  );
}

function Made() {
  const now = made.value;
  const answer = now?.answer;
  return (
    <section class="card" aria-labelledby="design-made">
      <div class="row apart">
        <h2 id="design-made">Designs</h2>
        {answer && (
          <button type="button" onClick={() => void saveDesigns()}>
            Save all as PNG
          </button>
        )}
      </div>
      {designError.value !== '' && <Notice kind="error">{designError.value}</Notice>}
      {isDesigning.value && (
        <p class="placeholder">
          Drawing …{madeCount.value > 0 && now && !answer ? ` ${madeCount.value} of ${now.wish.count}` : ''}
        </p>
      )}
      {now && (
        <ul class="designs" aria-label="Designs">
          {Array.from({ length: madeCount.value }, (_, i) => (
            <li key={i}>
              <button
                type="button"
                aria-pressed={pointed.value === i}
                onClick={() => {
                  pointed.value = pointed.value === i ? undefined : i;
                }}
              >
                <Image pixels={imageAt(now.images, i)} label="" />
                <span class="unseen">Design {i + 1}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      {now && pointed.value !== undefined && <GoOn number={pointed.value} />}
      {now && answer && (
        <p class="summary">
          {plural(now.wish.count, 'design')} of {answer.classes.map(describeShares).join(' to ')}, in{' '}
          {duration(answer.durationMs)}.{' '}
          {now.wish.kind === 'new' ? (
            <>
              The same by the command: <code>{commandOf(now.wish)}</code>
            </>
          ) : (
            'Choose one to go on from it.'
          )}
        </p>
      )}
      {!now && !isDesigning.value && designError.value === '' && <p class="placeholder">Nothing is made yet.</p>}
    </section>
  );
}

export function DesignView() {
  return (
    <>
      <h1>What could it look like?</h1>
      <p class="lead">
        A small generator makes pictures of clothes that nobody has photographed, in this tab: of a class or a mixture,
        varied from a picture, or on the way from one to another. The same seed gives the same pictures everywhere.
      </p>
      <div class="two-columns wide-right">
        <Wish />
        <Made />
      </div>
    </>
  );
}
