// Lists in error messages: so many, and how many more. Invariant: one line, however long the list.

/** What a message shows of a list. */
export const MOST_LISTED = 20;

/**
 * The first items of a list as text, and the number of those that are left out.
 *
 * @param items What to list
 * @param show One of them as text
 */
export function listed<T>(items: readonly T[], show: (item: T) => string): string {
  const shown = items.slice(0, MOST_LISTED).map(show).join('; ');
  const more = items.length - MOST_LISTED;
  return more > 0 ? `${shown}; and ${more} more` : shown;
}
