// A folder of its own for a test, removed afterwards. Files are given and read as text, by path with `/`.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A test's folder. */
export interface Scratch {
  readonly folder: string;
  write(file: string, text: string): void;
  read(file: string): string | undefined;
  remove(file: string): void;
}

/** Gives `body` a folder with these files. */
export async function withScratch(
  files: Readonly<Record<string, string>>,
  body: (scratch: Scratch) => Promise<void>,
): Promise<void> {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'selvedge-tasks-')));
  const scratch: Scratch = {
    folder,
    write(file, text) {
      const target = path.join(folder, file);
      mkdirSync(path.dirname(target), { recursive: true });
      writeFileSync(target, text);
    },
    read: (file) => (existsSync(path.join(folder, file)) ? readFileSync(path.join(folder, file), 'utf8') : undefined),
    remove: (file) => rmSync(path.join(folder, file), { recursive: true, force: true }),
  };
  try {
    for (const [file, text] of Object.entries(files)) scratch.write(file, text);
    await body(scratch);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
