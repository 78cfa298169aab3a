// Find: the items in a picture of many, each with a box, a class and a score. The picture is the user's, or a scene of test images.
import { LEAST_SCORE, type PictureItem, type SceneWish, sceneKinds } from '../engine/protocol.ts';
import { Boxes } from '../parts/boxes.tsx';
import { DropZone } from '../parts/drop-zone.tsx';
import { FileButton } from '../parts/file-button.tsx';
import { percent, plural } from '../parts/format.ts';
import { Notice } from '../parts/notice.tsx';
import { NumberField } from '../parts/number-field.tsx';
import {
  findAnswer,
  findError,
  findInFile,
  findInScene,
  isFinding,
  leastScore,
  pointed,
  scene,
  shownItems,
} from '../state/find.ts';

const kindNames: Readonly<Record<SceneWish['kind'], string>> = {
  plain: 'Items apart',
  overlap: 'Items over each other',
  clutter: 'Things among them that are none',
  both: 'Both of it',
};
const MOST_SEED = 999_999;
const MOST_SCORE = 0.95;

function SceneFields() {
  const wish = scene.value;
  return (
    <form
      class="scene"
      onSubmit={(event) => {
        event.preventDefault();
        void findInScene(scene.value);
      }}
    >
      <div class="field">
        <label for="scene-kind">What is hard about it</label>
        <select
          id="scene-kind"
          value={wish.kind}
          onChange={(event) => {
            const kind = sceneKinds.find((name) => name === event.currentTarget.value);
            if (kind) scene.value = { ...scene.value, kind };
          }}
        >
          {sceneKinds.map((kind) => (
            <option key={kind} value={kind}>
              {kindNames[kind]}
            </option>
          ))}
        </select>
      </div>
      <NumberField
        id="scene-seed"
        label="Seed"
        value={wish.seed}
        min={0}
        max={MOST_SEED}
        step={1}
        onChange={(seed) => {
          scene.value = { ...scene.value, seed };
        }}
      />
      <div class="row">
        <button type="submit" class="main">
          Compose a scene
        </button>
        <button type="button" onClick={() => void findInScene({ ...wish, seed: (wish.seed + 1) % (MOST_SEED + 1) })}>
          Another one
        </button>
      </div>
    </form>
  );
}

function Choice() {
  const take = (file: File): void => {
    void findInFile(file);
  };
  return (
    <section aria-labelledby="find-choice">
      <h2 id="find-choice">Look into</h2>
      <h3>A scene of test images</h3>
      <SceneFields />
      <h3>A picture of your own</h3>
      <DropZone onFiles={(files) => files?.[0] && take(files[0])}>
        <p>Drop a picture of any size, or</p>
        <FileButton label="Choose a file" id="find-file" onFile={take} />
      </DropZone>
    </section>
  );
}

function placeOf({ box: [left, top, right, bottom] }: PictureItem): string {
  const [width, height, x, y] = [right - left, bottom - top, left, top].map(Math.round);
  return `${width} × ${height} pixels, ${x} from the left, ${y} from the top`;
}

function List({ items }: { readonly items: readonly PictureItem[] }) {
  return (
    <ol class="found" aria-label="Items found">
      {items.map((item, i) => (
        <li key={i}>
          <button
            type="button"
            aria-pressed={pointed.value === i}
            onClick={() => {
              pointed.value = pointed.value === i ? undefined : i;
            }}
          >
            <span class="number">{i + 1}</span>
            <span>
              <strong>{item.class}</strong> {percent(item.score, 0)}
              {item.isRight !== undefined && <span class="aside">{item.isRight ? ', right' : ', mistaken'}</span>}
              <span class="aside place">{placeOf(item)}</span>
            </span>
          </button>
        </li>
      ))}
    </ol>
  );
}

function Found() {
  const found = findAnswer.value;
  const items = shownItems.value;
  const right = items.filter(({ isRight }) => isRight).length;
  return (
    <section class="card" aria-labelledby="found-title">
      <h2 id="found-title">What is in it</h2>
      {findError.value !== '' && <Notice kind="error">{findError.value}</Notice>}
      {isFinding.value && <p class="placeholder">Looking …</p>}
      {found ? (
        <>
          <Boxes
            answer={found}
            items={items}
            pointed={pointed.value}
            label={`${found.name}, with a box around each of ${plural(items.length, 'item')}; the list below names them`}
          />
          <p class="summary">
            {plural(items.length, 'item')} found in {found.name}
            {found.laid && `, ${right} of them right; there are ${found.laid.length}: ${found.laid.join(', ')}`}.
          </p>
          <div class="field">
            <label for="least-score">Show from a score of {percent(leastScore.value, 0)}</label>
            <input
              id="least-score"
              type="range"
              min={100 * LEAST_SCORE}
              max={100 * MOST_SCORE}
              step={5}
              value={100 * leastScore.value}
              aria-valuetext={percent(leastScore.value, 0)}
              onInput={(event) => {
                pointed.value = undefined;
                leastScore.value = Number(event.currentTarget.value) / 100;
              }}
            />
          </div>
          <List items={items} />
        </>
      ) : (
        !isFinding.value && findError.value === '' && <p class="placeholder">Nothing is looked into yet.</p>
      )}
    </section>
  );
}

export function FindView() {
  return (
    <>
      <h1>What is in the picture?</h1>
      <p class="lead">
        A small detector finds the items in a picture of many and says which they are, in this tab. It has learnt from
        scenes composed of the data set's images; photos of other things are outside of what it knows.
      </p>
      <div class="two-columns wide-right">
        <Choice />
        <Found />
      </div>
    </>
  );
}
