// selvedge info: what the engine got on this machine.
import { platform } from '../platform/index.ts';
import { command } from './command.ts';
import { threadsOption, useEngine } from './options.ts';

export const info = command({
  name: 'info',
  description: 'Tell what engine, threads and machine there are',
  args: threadsOption,
  async run({ threads }) {
    const engine = await useEngine(threads);
    const machine = platform.machine();
    const { runtime } = platform;
    const rows: [string, string][] = [
      ['backend', `${engine.backend} (${engine.build}), tfjs ${engine.tfjs}`],
      ['threads', String(engine.threads)],
      ['SIMD', engine.simd ? '128-bit' : 'none'],
      ['shared memory', engine.sharedMemory ? 'yes' : `no: ${engine.fallbackReason}`],
      ['runtime', `${runtime.name} ${runtime.version}`],
      [
        'machine',
        `${machine.cpu}, ${machine.cores} cores, ${memoryText(machine.memoryBytes)}, ${machine.operatingSystem}`,
      ],
    ];
    return {
      json: { ...engine, runtime, machine },
      text: rows.map(([name, value]) => `${name.padEnd(14)} ${value}`).join('\n'),
    };
  },
});

/** Browsers do not all tell. */
function memoryText(bytes: number): string {
  return bytes === 0 ? 'memory unknown' : `${(bytes / 2 ** 30).toFixed(0)} GiB`;
}
