// Similar: the test images as a shop. Show a picture and see what is like it; like some, and see what may suit you and why.
import { fashionMnistClassNames as classNames } from 'selvedge/data';
import type { FoundItem, Picture } from '../engine/protocol.ts';
import { DropZone } from '../parts/drop-zone.tsx';
import { FileButton } from '../parts/file-button.tsx';
import { count } from '../parts/format.ts';
import { Image, imageAt } from '../parts/image.tsx';
import { Notice } from '../parts/notice.tsx';
import { examples } from '../state/classify.ts';
import {
  findSimilar,
  isLiked,
  liked,
  searching,
  similarAnswer,
  similarError,
  suggestions,
  toggleLiked,
} from '../state/similar.ts';

const ask = (picture: Picture): void => {
  void findSimilar(picture);
};

function Items({ items, label }: { readonly items: readonly FoundItem[]; readonly label: string }) {
  return (
    <ul class="items" aria-label={label}>
      {items.map((item) => (
        <li key={item.index}>
          <button
            type="button"
            class="item"
            onClick={() => ask({ kind: 'example', name: `${item.class}, item ${item.index}`, pixels: item.pixels })}
          >
            <Image pixels={item.pixels} label="" />
            <span class="unseen">Find what is like item {item.index}: </span>
            <span>{item.class}</span>
            <span class="aside">{item.reason}</span>
          </button>
          <button
            type="button"
            class="like"
            aria-pressed={isLiked(item.index)}
            aria-label={`Like item ${item.index}, ${item.class}`}
            onClick={() => void toggleLiked(item)}
          >
            <span aria-hidden="true">{isLiked(item.index) ? '♥' : '♡'}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function Choice() {
  const list = examples.value;
  const take = (file: File): void => {
    ask({ kind: 'file', name: file.name, blob: file });
  };
  return (
    <section aria-labelledby="similar-choice">
      <h2 id="similar-choice">Start from</h2>
      <ul class="examples">
        {list?.indices.map((index, i) => {
          const pixels = imageAt(list.pixels, i);
          const name = classNames[list.labels[i]!]!;
          return (
            <li key={index}>
              <button type="button" onClick={() => ask({ kind: 'example', name: `${name}, item ${index}`, pixels })}>
                <Image pixels={pixels} label="" />
                <span class="unseen">Find what is like item {index}: </span>
                <span>{name}</span>
              </button>
            </li>
          );
        })}
      </ul>
      <DropZone onFiles={(files) => files?.[0] && take(files[0])}>
        <p>Or drop a picture of your own, or</p>
        <FileButton label="Choose a file" id="similar-file" onFile={take} />
      </DropZone>
    </section>
  );
}

function Found() {
  const found = similarAnswer.value;
  const share = searching.value;
  return (
    <section class="card" aria-labelledby="similar-title">
      <h2 id="similar-title">What is like it</h2>
      {similarError.value !== '' && <Notice kind="error">{similarError.value}</Notice>}
      {share !== undefined && (
        <p class="placeholder">
          {share > 0 && share < 1 ? `Looking at every item, once: ${Math.floor(100 * share)}%` : 'Looking …'}
        </p>
      )}
      {found ? (
        <>
          <div class="row asked">
            <Image pixels={found.pixels} label={`What was asked about: ${found.name}`} />
            <p>
              {found.name}, among {count(found.count)} items
            </p>
          </div>
          <Items items={found.items} label={`Items like ${found.name}`} />
        </>
      ) : (
        share === undefined && similarError.value === '' && <p class="placeholder">Nothing is asked about yet.</p>
      )}
    </section>
  );
}

function Suggestions() {
  if (liked.value.length === 0) return null;
  return (
    <section aria-labelledby="suggestions-title">
      <h2 id="suggestions-title">You may like</h2>
      <Items items={suggestions.value} label="Suggestions" />
      <h3>What you like</h3>
      <Items items={liked.value} label="Liked items" />
    </section>
  );
}

export function SimilarView() {
  return (
    <>
      <h1>What is like it?</h1>
      <p class="lead">
        The test images as a shop: every item is compared with your picture, in this tab. Like some of them, and what
        may suit you comes with the reason. Classes are what the model dropout says, not the labels.
      </p>
      <div class="two-columns wide-right">
        <Choice />
        <Found />
      </div>
      <Suggestions />
    </>
  );
}
