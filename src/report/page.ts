// The HTML page around a report: one file, no script but of a page that brings one, nothing fetched, readable on a phone, in light and dark and on paper.
// Not here: what the report says (study-report.ts). Invariant: texts given as plain are escaped here; markup is typed as `Markup`.
import { escapeMarkup } from './markup.ts';
import { colourVariables, darkRules, FIGURE_FONT } from './palette.ts';

/** Markup that needs no further escaping. */
export interface Markup {
  readonly html: string;
}

/** Plain text, or markup made by the functions of this file. */
export type Content = string | Markup;

/** Content as HTML. */
export const htmlOf = (content: Content): string =>
  typeof content === 'string' ? escapeMarkup(content) : content.html;

/**
 * Markup from a template; what is put in is escaped unless it is markup already.
 *
 * @example
 * ```ts
 * console.assert(markup`<p>${'1 < 2'}</p>`.html === '<p>1 &lt; 2</p>');
 * ```
 */
export function markup(
  strings: TemplateStringsArray,
  ...contents: readonly (Content | number | readonly Markup[])[]
): Markup {
  const inserted = contents.map((content) => {
    if (typeof content === 'number') return String(content);
    return Array.isArray(content) ? content.map(htmlOf).join('') : htmlOf(content as Content);
  });
  return { html: strings.map((text, index) => text + (inserted[index] ?? '')).join('') };
}

/** A column of a table. */
export interface Column {
  readonly title: string;
  /** Right-aligned digits of one width. */
  readonly numeric?: boolean;
}

/**
 * A table in a box that scrolls by itself where the screen is too narrow. The first cell of a row is its heading.
 *
 * @param caption Above the table
 * @param columns Titles
 * @param rows As many cells as columns
 */
export function table(caption: Content, columns: readonly Column[], rows: readonly (readonly Content[])[]): Markup {
  const align = (index: number): Markup => ({ html: columns[index]?.numeric ? ' class="n"' : '' });
  const head = columns.map(({ title }, index) => markup`<th scope="col"${align(index)}>${title}</th>`);
  const body = rows.map((cells) => {
    const inner = cells.map((cell, index) =>
      index === 0 ? markup`<th scope="row"${align(0)}>${cell}</th>` : markup`<td${align(index)}>${cell}</td>`,
    );
    return markup`<tr>${inner}</tr>`;
  });
  return markup`<div class="box" tabindex="0"><table><caption>${caption}</caption><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/** A list of names and values. */
export function facts(entries: readonly (readonly [string, Content])[]): Markup {
  return markup`<dl>${entries.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** A section with its heading, to be found from the table of contents. */
export interface Section {
  /** Letters and hyphens. */
  readonly id: string;
  readonly title: string;
  readonly body: readonly Markup[];
}

/** What `renderPage` puts together. */
export interface Page {
  readonly title: string;
  readonly subtitle: string;
  /** Between title and table of contents. */
  readonly opening: readonly Markup[];
  readonly sections: readonly Section[];
  /** Runs at the end; its sha256 as base64 is what the page's policy lets run. */
  readonly script?: { readonly text: string; readonly sha256: string };
}

/** A policy under which the page works: it fetches nothing and runs nothing. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/**
 * The whole page.
 *
 * @param page Title and sections
 * @returns An HTML document
 */
export function renderPage({ title, subtitle, opening, sections, script }: Page): string {
  const entries = sections.map((section) => markup`<li><a href="#${section.id}">${section.title}</a></li>`);
  const bodies = sections.map(
    (section) => markup`<section id="${section.id}"><h2>${section.title}</h2>${section.body}</section>\n`,
  );
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${{ html: script ? `${POLICY}; script-src 'sha256-${script.sha256}'` : POLICY }}">
<meta name="generator" content="Selvedge">
<title>${title}</title>
<style>${{ html: style() }}</style>
</head>
<body>
<main>
<header><h1>${title}</h1><p class="subtitle">${subtitle}</p></header>
${opening}
<nav aria-label="Contents"><h2>Contents</h2><ol>${entries}</ol></nav>
${bodies}</main>${{ html: script ? `<script>${script.text}</script>` : '' }}
</body>
</html>
`.html;
}

function style(): string {
  return `${colourVariables()}${darkRules()}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:1.0625rem/1.6 Charter,"Bitstream Charter","Sitka Text",Cambria,"Noto Serif",Georgia,serif}
main{max-width:46rem;margin:0 auto;padding:3rem 1.25rem 5rem}
h1,h2,h3{line-height:1.25;text-wrap:balance;overflow-wrap:anywhere}
h1{font-size:2.1rem;font-weight:600;letter-spacing:-.01em;margin:0}
h2{font-size:1.45rem;font-weight:600;margin:3.5rem 0 1rem;padding-top:1rem;border-top:1px solid var(--rule)}
h3{font-size:1.12rem;font-weight:600;margin:2.2rem 0 .6rem}
p{margin:.8rem 0;overflow-wrap:break-word}
a{color:var(--accent);text-decoration-thickness:1px;text-underline-offset:.15em}
.subtitle{color:var(--muted);margin:.4rem 0 0}
nav,table,dl,figure,pre,.notice,summary{font-family:${FIGURE_FONT}}
nav{margin:2rem 0;padding:1rem 1.25rem;background:var(--panel);border-radius:8px;font-size:.92rem}
nav h2{all:unset;display:block;font-weight:600}
nav ol{margin:.4rem 0 0;padding-left:1.4rem;columns:2;column-gap:2rem}
nav li{padding:.1rem 0;break-inside:avoid}
.notice{margin:1.5rem 0;padding:1rem 1.25rem;border:2px solid var(--bad);border-radius:8px;font-size:1rem}
.notice strong{color:var(--bad)}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:1px;margin:1.5rem 0;background:var(--rule);border:1px solid var(--rule);border-radius:8px;overflow:hidden}
dl>div{display:flex;flex-direction:column;justify-content:space-between;padding:.7rem .9rem;background:var(--paper)}
dt{color:var(--muted);font-size:.8rem;line-height:1.35}
dd{margin:.15rem 0 0;font-weight:600;font-size:1.05rem;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.box{overflow-x:auto;margin:1.4rem 0}
.box:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
table{border-collapse:collapse;min-width:100%;font-size:.88rem;line-height:1.4;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--muted);padding-bottom:.5rem;caption-side:top}
th,td{padding:.38rem .7rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule);font-weight:400}
thead th{color:var(--muted);font-size:.8rem;vertical-align:bottom;border-bottom-color:var(--muted)}
th:first-child,td:first-child{padding-left:0}
th:last-child,td:last-child{padding-right:0}
tbody th{white-space:nowrap}
td.n,th.n{text-align:right;white-space:nowrap}
section:is([id^=use-],#recommendations) tbody :is(th,td){white-space:normal}
figure{margin:2rem 0}
figure .panels{display:flex;flex-wrap:wrap;justify-content:center;gap:1rem}
figure .panels>div{max-width:100%;overflow-x:auto}
svg.figure{display:block;max-width:100%;height:auto}
figure.dense svg.figure{min-width:29rem}
figcaption{margin:.9rem auto 0;max-width:38rem;color:var(--muted);font-size:.88rem;line-height:1.45;text-align:center;text-wrap:pretty}
figcaption b{color:var(--ink);font-weight:600}
pre,code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
code{font-size:.88em;overflow-wrap:anywhere}
pre{margin:1.2rem 0;padding:1rem;overflow-x:auto;background:var(--panel);border-radius:8px;font-size:.8rem;line-height:1.5}
details{margin:1rem 0}
summary{cursor:pointer;color:var(--muted);font-size:.92rem}
footer{margin-top:4rem;color:var(--muted);font-size:.88rem}
@media (min-width:72rem){figure.wide{width:68rem;margin-left:calc((43.5rem - 68rem)/2)}}
@media (max-width:34rem){main{padding:1.75rem 1rem 3rem}h1{font-size:1.65rem}nav ol{columns:1}th,td{padding:.35rem .45rem}}
@media print{main{max-width:none;padding:0}nav{break-inside:avoid}figure,tr,dl{break-inside:avoid}h2,h3{break-after:avoid}.box,figure .panels>div{overflow:visible}body{font-size:10.5pt}}
`;
}
