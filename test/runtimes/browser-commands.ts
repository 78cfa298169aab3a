// A worker of a page that runs commands of `selvedge` as functions, and reads the files that they leave. Asked by messages, one at a time.
import { runCommand } from '../../src/cli/browser.ts';
import { messageOf } from '../../src/core/errors.ts';
import { sha256 } from '../../src/core/sha256.ts';
import { borrowWorkers, platform } from '../../src/platform/index.ts';

/** The page's port for threads, which comes first and is not answered. */
interface LentPort {
  readonly port: MessagePort;
}

/** Words of a command to run, or paths of files to read. */
export type BrowserCommand =
  | { readonly words: readonly string[]; readonly environment: Readonly<Record<string, string>> }
  | { readonly paths: readonly string[] };

/** How a command ended and what it said; or of each file its digest, and its text. */
export type BrowserCommandAnswer =
  | { readonly code: number; readonly text: string }
  | { readonly files: readonly { readonly sha256: string; readonly text: string }[] }
  | { readonly problem: string };

async function answer(request: BrowserCommand): Promise<BrowserCommandAnswer> {
  if ('paths' in request) {
    const contents = await Promise.all(request.paths.map((path) => platform.files.readBytes(path)));
    const described = contents.map(async (bytes) => ({
      sha256: await sha256(bytes),
      text: new TextDecoder().decode(bytes),
    }));
    return { files: await Promise.all(described) };
  }
  let text = '';
  const say = (part: string): void => {
    text += part;
  };
  const code = await runCommand(request.words, { write: say, writeError: say, environment: request.environment });
  return { code, text };
}

addEventListener('message', async ({ data }: MessageEvent<BrowserCommand | LentPort>) => {
  if ('port' in data) return borrowWorkers(data.port);
  postMessage(await answer(data).catch((error: unknown) => ({ problem: messageOf(error) })));
});
