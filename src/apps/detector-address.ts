// Where the detector that ships is: written out, so that bundlers find the file. Not here: what reads it (detect/shipped-detector.ts).
// Invariant: this file is as deep in src/ as the program is in dist/, so that the way to assets/ is the same from both.

/** A URL of the package's own file. */
export const detectorAddress = (): URL => new URL('../../assets/models/detect/detect.selvedge', import.meta.url);
