// Classify: draw, drop, paste, photograph or pick a picture, and see what a model says. Works at once, by the shipped model.
import { useEffect } from 'preact/hooks';
import { fashionMnistClassNames as classNames } from 'selvedge/data';
import type { Picture } from '../engine/protocol.ts';
import { Answer } from '../parts/answer.tsx';
import { Drawing } from '../parts/drawing.tsx';
import { DropZone } from '../parts/drop-zone.tsx';
import { FileButton } from '../parts/file-button.tsx';
import { Image, imageAt } from '../parts/image.tsx';
import { ModelChoiceField } from '../parts/model-choice.tsx';
import { Notice } from '../parts/notice.tsx';
import {
  answer,
  chooseModel,
  chosenModel,
  classify,
  classifyError,
  clearAnswer,
  examples,
  isClassifying,
} from '../state/classify.ts';

const ask = (picture: Picture): void => {
  void classify(picture, classNames);
};

const askFile = (file: Blob, name: string): void => ask({ kind: 'file', name, blob: file });

/** Pictures that come by the clipboard, wherever on the page the focus is. */
function usePastedPictures(): void {
  useEffect(() => {
    const onPaste = (event: ClipboardEvent): void => {
      const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith('image/'));
      if (!file) return;
      event.preventDefault();
      askFile(file, file.name || 'the pasted picture');
    };
    document.addEventListener('paste', onPaste);
    return () => document.removeEventListener('paste', onPaste);
  }, []);
}

function FileField() {
  const take = (file: File): void => {
    askFile(file, file.name);
  };
  return (
    <DropZone onFiles={(files) => files?.[0] && take(files[0])}>
      <p>Drop or paste a picture of any size, or</p>
      <div class="row">
        <FileButton label="Choose a file" onFile={take} />
        <FileButton label="Take a photo" isCamera onFile={take} />
      </div>
      <p class="aside">PNG, JPEG, WebP, and what your browser knows. It stays on this device.</p>
    </DropZone>
  );
}

function Examples() {
  const list = examples.value;
  if (!list) return null;
  return (
    <section aria-labelledby="examples-title">
      <h3 id="examples-title">Or try one of the test set</h3>
      <ul class="examples">
        {list.indices.map((index, i) => {
          const pixels = imageAt(list.pixels, i);
          const name = classNames[list.labels[i]!]!;
          return (
            <li key={index}>
              <button
                type="button"
                onClick={() => ask({ kind: 'example', name: `${name}, test image ${index}`, pixels })}
              >
                <Image pixels={pixels} label="" />
                <span class="unseen">Classify test image {index}: </span>
                <span>{name}</span>
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

export function ClassifyView() {
  usePastedPictures();
  return (
    <>
      <h1>What is it?</h1>
      <p class="lead">
        Draw a piece of clothing, or show a picture of one. A network answers from this tab, on the processor alone.
      </p>
      <div class="two-columns classify">
        <Drawing onPicture={ask} onClear={clearAnswer} />
        <FileField />
        <section class="card" aria-labelledby="answer-title">
          <h2 id="answer-title">Answer</h2>
          <ModelChoiceField
            id="classify-model"
            label="Model"
            value={chosenModel.value}
            onChoose={(model) => void chooseModel(model, classNames)}
          />
          {classifyError.value !== '' && <Notice kind="error">{classifyError.value}</Notice>}
          {answer.value ? (
            <Answer answer={answer.value} classNames={classNames} />
          ) : (
            classifyError.value === '' && (
              <p class="placeholder">{isClassifying.value ? 'Looking …' : 'Nothing to look at yet.'}</p>
            )
          )}
        </section>
      </div>
      <Examples />
    </>
  );
}
