// selvedge measure --queue: each measure is a work, and its result is what the command would have found. Not here: what is measured.
import type { LoadedData } from '../data/sources.ts';
import type { ShippedName } from '../models/index.ts';
import { keyWork, unpackFiles } from '../queue/index.ts';
import type { CommandContext } from './command.ts';
import type { MeasuredJson } from './measure.ts';
import type { MeasureName } from './measures/index.ts';
import { packModel } from './packed-model.ts';
import { OUTPUT_FILE } from './queue-handlers.ts';
import type { QueueArguments } from './queue-options.ts';
import { type QueueFindings, runByQueue } from './queue-run.ts';

export interface QueuedMeasures {
  readonly names: readonly MeasureName[];
  /** One that ships, or where another is. */
  readonly model: ShippedName | { readonly path: string };
  readonly epochs: number | undefined;
  readonly loaded: LoadedData;
  /** Takes what was found, in the order of the names. */
  readonly take: (name: MeasureName, measured: MeasuredJson) => Promise<void>;
}

/** Has workers measure. */
export function measureByQueue(
  { names, model, epochs, loaded, take }: QueuedMeasures,
  args: QueueArguments,
  context: CommandContext,
): Promise<QueueFindings> {
  return runByQueue(
    {
      args,
      loaded,
      nameOf: (number) => `measure ${names[number]}`,
      async works({ artefacts }, needs) {
        const of = typeof model === 'string' ? model : { artefact: await artefacts.put(await packModel(model.path)) };
        const settings = { model: of, ...(epochs === undefined ? {} : { epochs }) };
        return Promise.all(names.map((name) => keyWork({ kind: 'measure', needs, settings: { name, ...settings } })));
      },
      async take(bytes, number) {
        const json = new TextDecoder().decode(unpackFiles(bytes).get(OUTPUT_FILE));
        await take(names[number]!, JSON.parse(json) as MeasuredJson);
      },
    },
    context,
  );
}
