// Busy waiting on a word of shared memory. Not a kernel: the thread pool calls it before it goes to sleep.

/**
 * Reads a word until it differs from `value` or `iterations` reads are done.
 * Returns 1 if it changed. Plain loads of the unshared build never change and end at once.
 */
export function spinWhileEqual(address: usize, value: i32, iterations: i32): i32 {
  for (let i = 0; i < iterations; i++) {
    if (atomicLoad(address) != value) return 1;
  }
  return 0;
}

@inline
function atomicLoad(address: usize): i32 {
  if (isDefined(ASC_FEATURE_THREADS) && ASC_FEATURE_THREADS) return atomic.load<i32>(address);
  return load<i32>(address);
}
