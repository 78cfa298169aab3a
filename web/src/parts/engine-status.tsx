// What the engine got in this browser: which build, how many threads, and why not more.

import { engineState } from '../state/engine.ts';
import { plural } from './format.ts';

/** The engine's reason, and what to do about it where the page knows. */
function explain(reason: string): string {
  if (!reason.includes('SharedArrayBuffer')) return reason;
  return globalThis.crossOriginIsolated
    ? reason
    : 'this page is not isolated across origins, which threads need: its host sends no COOP and COEP headers';
}

export function EngineStatus() {
  const state = engineState.value;
  if (state.kind === 'starting') return <p class="engine starting">Starting the engine …</p>;
  if (state.kind === 'failed') {
    return (
      <p class="engine failed" role="alert">
        The engine did not start: {state.message}
      </p>
    );
  }
  const { threads, build, fallbackReason, runtime } = state.info;
  return (
    <details class="engine">
      <summary>
        {plural(threads, 'thread')}, SIMD{fallbackReason === undefined ? '' : ', no shared memory'}
      </summary>
      <dl>
        <div>
          <dt>Build</dt>
          <dd>
            {build === 'threaded-simd' ? 'WebAssembly with SIMD and threads' : 'WebAssembly with SIMD, without threads'}
          </dd>
        </div>
        {fallbackReason !== undefined && (
          <div>
            <dt>Why not more</dt>
            <dd>{explain(fallbackReason)}. Slower, and the same results to the bit.</dd>
          </div>
        )}
        <div>
          <dt>Browser</dt>
          <dd>
            {runtime.name} {runtime.version}
          </dd>
        </div>
      </dl>
    </details>
  );
}
