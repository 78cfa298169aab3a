// A journal as a file that one process appends to. Not here: what its lines mean (journal.ts).
// Invariant: after opening, the file is whole lines; a line is appended whole, and what others appended in the meantime is read first.
import { SelvedgeError } from '../core/errors.ts';
import { type Files, platform } from '../platform/index.ts';
import { createReplay, type JournalLine, journalText, parseJournal, replayJournal, type Study } from './journal.ts';

/** A journal that is open to be written to. */
export interface JournalFile {
  readonly path: string;
  /** What the lines so far make; what is appended changes it. */
  studies(): Study[];
  append(lines: readonly JournalLine[]): Promise<void>;
}

/** Operations that only whoever runs the study may write. */
const ofTheRunner = [0, 1, 4, 5, 6, 7];

/**
 * Opens a journal, and cuts off the last line where its writer was killed in the middle of it.
 *
 * @param path Made when the first line is written
 * @param worker Who writes
 * @param files The file system; tests give one that fails
 * @throws SelvedgeError `journal/format`; `append` throws `journal/other-writer` where another process runs the same study
 */
export async function openJournal(path: string, worker: string, files: Files = platform.files): Promise<JournalFile> {
  const bytes = (await files.status(path)) ? await files.readBytes(path) : new Uint8Array();
  const { lines: found, wholeBytes } = parseJournal(bytes, path);
  if (wholeBytes < bytes.length) await files.write(path, bytes.slice(0, wholeBytes));
  const replay = createReplay(path);
  replay.add(found);
  let length = wholeBytes;

  /** Notes that a dashboard wrote are welcome; another runner is not. */
  async function readOthers(): Promise<void> {
    const status = await files.status(path);
    if ((status?.bytes ?? 0) === length) return;
    const now = await files.readBytes(path).catch(() => new Uint8Array());
    const rest = parseJournal(now.subarray(length), path);
    if (now.length < length || rest.lines.some(({ op_code: operation }) => ofTheRunner.includes(operation as number)))
      throw new SelvedgeError(
        'journal/other-writer',
        `Cannot go on with "${path}": expected ${length} bytes of it, got ${now.length}: another process runs this study; let one of them end`,
      );
    replay.add(rest.lines);
    length += rest.wholeBytes;
  }

  return {
    path,
    studies: () => replay.studies(),
    async append(more) {
      if (more.length === 0) return;
      await readOthers();
      const text = journalText(more, worker);
      await files.append(path, text);
      replay.add(more.map((line) => ({ worker_id: worker, ...line })));
      length += new TextEncoder().encode(text).length;
    },
  };
}

/**
 * Reads a journal, of ours or of Optuna.
 *
 * @param path A file of JSON lines
 * @throws SelvedgeError `journal/not-found`, `journal/format`
 */
export async function readJournal(path: string): Promise<Study[]> {
  const status = await platform.files.status(path);
  if (!status || status.isFolder)
    throw new SelvedgeError(
      'journal/not-found',
      `Cannot read journal "${path}": expected a file, got ${status ? 'a folder' : 'nothing'}`,
    );
  return replayJournal(parseJournal(await platform.files.readBytes(path), path).lines, path);
}
