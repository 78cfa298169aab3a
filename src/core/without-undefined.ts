// Options that were left out, left out: `exactOptionalPropertyTypes` tells `undefined` from nothing, and so does JSON.

export type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The values that are there. */
export function withoutUndefined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
}
