// The colours of figures and report, each for a light and a dark ground.
// Figures are drawn in the light colours as plain attributes, so that any viewer shows them; `darkRules` turns each into its
// dark counterpart by attribute selectors, with no script and no CSS variables. Invariant: light colours are all different.

interface Ink {
  readonly light: string;
  readonly dark: string;
}

const inks = {
  ink: { light: '#1d1f24', dark: '#e6e4df' },
  muted: { light: '#5f636b', dark: '#a3a7b0' },
  rule: { light: '#dcd9d2', dark: '#363a42' },
  paper: { light: '#fdfcfa', dark: '#16181d' },
  panel: { light: '#f4f2ed', dark: '#20232a' },
  accent: { light: '#2b5c8a', dark: '#7db3e8' },
  onAccent: { light: '#ffffff', dark: '#0e1116' },
  second: { light: '#b4531f', dark: '#f0995c' },
  good: { light: '#24744a', dark: '#6fca9a' },
  bad: { light: '#b0342c', dark: '#f28d84' },
} as const satisfies Record<string, Ink>;

/** Names of the colours. */
export type ColourName = keyof typeof inks;

/** The light colours: what figures are drawn in. */
export const colours = Object.fromEntries(Object.entries(inks).map(([name, { light }]) => [name, light])) as Readonly<
  Record<ColourName, string>
>;

/** Sans-serif for figures and tables; no font is fetched. */
export const FIGURE_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif';

/** CSS that recolours figures on a dark screen. Print stays light. */
export function darkRules(): string {
  const rules = Object.values(inks).flatMap(({ light, dark }) =>
    ['fill', 'stroke'].map((property) => `.figure [${property}="${light}"]{${property}:${dark}}`),
  );
  return `@media screen and (prefers-color-scheme:dark){${rules.join('')}}`;
}

/** CSS custom properties of all colours for the page around the figures. */
export function colourVariables(): string {
  const block = (tone: 'light' | 'dark'): string =>
    Object.entries(inks)
      .map(([name, ink]) => `--${name}:${ink[tone]};`)
      .join('');
  return `:root{color-scheme:light dark;${block('light')}}@media screen and (prefers-color-scheme:dark){:root{${block('dark')}}}`;
}
