// Data: where the data set came from, how many images each class has, and what they look like. The user's own files are taken here.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { DataSummary, ImageList, SetName } from '../engine/protocol.ts';
import { DropZone } from '../parts/drop-zone.tsx';
import { count, plural } from '../parts/format.ts';
import { Image, imageAt } from '../parts/image.tsx';
import { Notice } from '../parts/notice.tsx';
import { dataState, fileNotes, forgetFiles, giveFiles } from '../state/data.ts';
import { engine, job } from '../state/engine.ts';

const SAMPLES = 30;

const setNames: Readonly<Record<SetName, string>> = { train: 'Training set', test: 'Test set' };

function Source({ summary }: { readonly summary: DataSummary }) {
  const { source, train, test } = summary;
  if (source.isSample) {
    return (
      <Notice kind="note">
        <p>
          <strong>This is a small sample, not the whole data set.</strong> The page found no copy of Fashion-MNIST in
          reach, so it uses the {count(train.count)} training and {count(test.count)} test images that it ships with.
          They are real, but what is trained on them is worse: expect about 80% instead of 92%.
        </p>
      </Notice>
    );
  }
  return (
    <p class="lead">
      The whole Fashion-MNIST: {count(train.count)} training and {count(test.count)} test images, from{' '}
      {source.kind === 'cache' ? 'the copy on this device' : 'the server of this page'}.
    </p>
  );
}

function Counts({ summary }: { readonly summary: DataSummary }) {
  const { classNames, train, test } = summary;
  const most = Math.max(...train.labelCounts);
  return (
    <section aria-labelledby="counts-title">
      <h2 id="counts-title">Images of each class</h2>
      <table class="counts">
        <thead>
          <tr>
            <th scope="col">Class</th>
            <th scope="col" class="number">
              Training
            </th>
            <th scope="col" class="number">
              Test
            </th>
          </tr>
        </thead>
        <tbody>
          {classNames.map((name, label) => (
            <tr key={name}>
              <th scope="row">
                {name}
                <span class="bar" aria-hidden="true">
                  <span style={{ width: `${(100 * train.labelCounts[label]!) / most}%` }} />
                </span>
              </th>
              <td class="number">{count(train.labelCounts[label]!)}</td>
              <td class="number">{count(test.labelCounts[label]!)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Samples({ summary }: { readonly summary: DataSummary }) {
  const set = useSignal<SetName>('train');
  const label = useSignal(0);
  const start = useSignal(0);
  const images = useSignal<ImageList | undefined>(undefined);
  const { classNames } = summary;
  const available = summary[set.value].labelCounts[label.value]!;

  useEffect(() => {
    let isCurrent = true;
    engine.imagesOf(set.value, label.value, start.value, SAMPLES).then((found) => {
      if (isCurrent) images.value = found;
    });
    return () => {
      isCurrent = false;
    };
  }, [set.value, label.value, start.value, summary]);

  const name = classNames[label.value]!;
  return (
    <section aria-labelledby="samples-title">
      <h2 id="samples-title">What they look like</h2>
      <div class="row controls">
        <div class="field">
          <label for="samples-set">Set</label>
          <select
            id="samples-set"
            value={set.value}
            onChange={(event) => {
              set.value = event.currentTarget.value as SetName;
              start.value = 0;
            }}
          >
            {Object.entries(setNames).map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        </div>
        <div class="field">
          <label for="samples-class">Class</label>
          <select
            id="samples-class"
            value={label.value}
            onChange={(event) => {
              label.value = Number(event.currentTarget.value);
              start.value = 0;
            }}
          >
            {classNames.map((text, value) => (
              <option key={text} value={value}>
                {text}
              </option>
            ))}
          </select>
        </div>
      </div>
      <ul class="gallery">
        {images.value?.indices.map((index, i) => (
          <li key={`${set.value}-${index}`}>
            <Image
              pixels={imageAt(images.value!.pixels, i)}
              label={`${name}, image ${index} of the ${setNames[set.value].toLowerCase()}`}
            />
          </li>
        ))}
      </ul>
      <Pages
        start={start.value}
        size={SAMPLES}
        total={available}
        what="images"
        onGo={(next) => {
          start.value = next;
        }}
      />
    </section>
  );
}

interface PagesProps {
  readonly start: number;
  readonly size: number;
  readonly total: number;
  readonly what: string;
  readonly onGo: (start: number) => void;
}

export function Pages({ start, size, total, what, onGo }: PagesProps) {
  if (total === 0) return null;
  const last = Math.min(start + size, total);
  return (
    <div class="row pages">
      <button type="button" class="quiet" disabled={start === 0} onClick={() => onGo(Math.max(0, start - size))}>
        <span aria-hidden="true">←</span> Earlier
      </button>
      <p aria-live="polite">
        {count(start + 1)}–{count(last)} of {count(total)} {what}
      </p>
      <button type="button" class="quiet" disabled={last >= total} onClick={() => onGo(start + size)}>
        Later <span aria-hidden="true">→</span>
      </button>
    </div>
  );
}

function OwnFiles({ summary }: { readonly summary: DataSummary }) {
  const isKept = summary.source.kind === 'cache';
  const give = (files: FileList | null | undefined): void => {
    if (files && files.length > 0) void giveFiles([...files]);
  };
  return (
    <section aria-labelledby="files-title">
      <h2 id="files-title">Your own copy</h2>
      <p>
        If you have the four <code>.gz</code> files of Fashion-MNIST, give them here. Each is checked by its SHA-256 and
        kept in this browser’s private storage; nothing is sent anywhere.
      </p>
      <DropZone onFiles={give}>
        <p>Drop the four files, or</p>
        <div class="row">
          <label class="button">
            Choose files
            <input
              id="data-files"
              type="file"
              accept=".gz,application/gzip"
              multiple
              class="unseen"
              onChange={(event) => {
                give(event.currentTarget.files);
                event.currentTarget.value = '';
              }}
            />
          </label>
          {isKept && (
            <button type="button" disabled={job.value !== undefined} onClick={() => void forgetFiles()}>
              Remove the copy on this device
            </button>
          )}
        </div>
      </DropZone>
      {fileNotes.value.length > 0 && (
        <div role="status">
          <ul class="notes">
            {fileNotes.value.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
}

export function ExploreView() {
  const state = dataState.value;
  if (state.kind === 'loading') {
    return <Heading text={state.fetching === undefined ? 'Finding the data set …' : `Fetching ${state.fetching}`} />;
  }
  if (state.kind === 'failed') return <Heading text="" error={state.message} />;
  const { summary } = state;
  return (
    <>
      <h1>The data</h1>
      <Source summary={summary} />
      {summary.notices.length > 0 && !summary.source.isSample && (
        <details>
          <summary>{plural(summary.notices.length, 'remark')} on the way</summary>
          <ul>
            {summary.notices.map((notice) => (
              <li key={notice}>{notice}</li>
            ))}
          </ul>
        </details>
      )}
      <div class="two-columns wide-right">
        <Counts summary={summary} />
        <Samples summary={summary} />
      </div>
      <OwnFiles summary={summary} />
    </>
  );
}

function Heading({ text, error }: { readonly text: string; readonly error?: string }) {
  return (
    <>
      <h1>The data</h1>
      {error === undefined ? <p class="lead">{text}</p> : <Notice kind="error">{error}</Notice>}
    </>
  );
}
