// Shares of classes as people write them. Not here: which classes a generator knows (design.ts).
// Invariant: imports nothing, since an app on the edge carries it.

/**
 * Reads a class or shares of several.
 *
 * @param text Such as "dress" or "dress:3,shirt:1"
 * @returns Undefined for what is neither
 */
export function parseMixture(text: string): Readonly<Record<string, number>> | undefined {
  const mixture: Record<string, number> = {};
  for (const part of text.split(',')) {
    const [, name, share = '1'] = /^(.*?)(?::([^:]*))?$/.exec(part.trim()) ?? [];
    const value = Number(share);
    if (!name || !(value > 0 && value < Infinity) || share.trim() === '') return undefined;
    mixture[name] = (mixture[name] ?? 0) + value;
  }
  return mixture;
}
