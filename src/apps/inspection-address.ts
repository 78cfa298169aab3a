// Where the network that inspects is: written out, so that bundlers find the file. Not here: what reads it (inspect/shipped-network.ts).
// Invariant: this file is as deep in src/ as the program is in dist/, so that the way to assets/ is the same from both.

/** A URL of the package's own file. */
export const inspectionAddress = (): URL => new URL('../../assets/models/inspect/inspect.selvedge', import.meta.url);
