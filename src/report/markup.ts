// Text as markup: escaping for HTML and SVG. Every text of a run (class names, run names, paths) goes through here.
// Invariant: what comes out can stand in element content and in quoted attributes of both HTML and XML.

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * Text without the characters that XML forbids: controls and lone surrogates become U+FFFD.
 *
 * @see https://www.w3.org/TR/xml/#charsets
 * @example
 * ```ts
 * console.assert(printable('a\u0000b') === 'a\ufffdb');
 * ```
 */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what it looks for
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udfff]/gu, '\ufffd');
}

/**
 * Escapes text for element content and quoted attributes.
 *
 * @example
 * ```ts
 * console.assert(escapeMarkup('<b "x">') === '&lt;b &quot;x&quot;&gt;');
 * ```
 */
export function escapeMarkup(text: string): string {
  return printable(text).replace(/[&<>"']/g, (character) => entities[character]!);
}
