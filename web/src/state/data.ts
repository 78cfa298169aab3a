// The data set as the page knows it, and the user's own copy of it.
import { signal } from '@preact/signals';
import { proxy } from 'comlink';
import type { DownloadProgress } from 'selvedge/data';
import type { DataSummary } from '../engine/protocol.ts';
import { announce, engine, messageOf } from './engine.ts';

export type DataState =
  | { readonly kind: 'loading'; readonly fetching?: string }
  | { readonly kind: 'ready'; readonly summary: DataSummary }
  | { readonly kind: 'failed'; readonly message: string };

export const dataState = signal<DataState>({ kind: 'loading' });
/** What became of files that the user gave. */
export const fileNotes = signal<readonly string[]>([]);

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

export async function loadData(): Promise<void> {
  const onProgress = ({ name, receivedBytes, totalBytes }: DownloadProgress): void => {
    const whole = totalBytes === undefined ? '' : ` of ${megabytes(totalBytes)}`;
    dataState.value = { kind: 'loading', fetching: `${name}, ${megabytes(receivedBytes)}${whole} MB` };
  };
  try {
    dataState.value = { kind: 'ready', summary: await engine.describeData(proxy(onProgress)) };
  } catch (error) {
    dataState.value = { kind: 'failed', message: messageOf(error) };
  }
}

export async function giveFiles(files: readonly File[]): Promise<void> {
  fileNotes.value = ['Checking the files …'];
  try {
    const { taken, refused, missing } = await engine.takeFiles([...files]);
    const notes = [...refused];
    if (taken.length > 0) notes.unshift(`Taken: ${taken.join(', ')}`);
    if (missing.length > 0) notes.push(`Still missing: ${missing.join(', ')}`);
    else notes.push('All four files are here: the whole data set is kept on this device, for this page alone');
    fileNotes.value = notes;
    announce(notes.join('. '));
    if (missing.length === 0) await loadData();
  } catch (error) {
    fileNotes.value = [messageOf(error)];
  }
}

export async function forgetFiles(): Promise<void> {
  await engine.removeFiles();
  fileNotes.value = ['Removed from this device'];
  await loadData();
}
