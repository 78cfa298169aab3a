// The shop's pages: plain HTML with forms, no script. Not here: what they show. Invariant: whatever is put in is escaped by `html`.
import { html } from 'hono/html';
import { encodeGrayPng } from 'selvedge/report';

/** An item's picture as a PNG file. */
export function pictureOf({ pictures: { height, width, pixels } }, row) {
  const size = height * width;
  // Dark on light, as in a catalogue on paper.
  const levels = pixels.subarray(row * size, (row + 1) * size).map((level) => 255 - level);
  return encodeGrayPng({ width, height, pixels: levels });
}

const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem}ul{display:grid;grid-template-columns:repeat(auto-fill,minmax(7rem,1fr));gap:1rem;padding:0;list-style:none}
img{width:100%;image-rendering:pixelated;border:1px solid #ccc}small{color:#555}nav a{margin-right:.8rem}form{display:inline}img.large{width:14rem}`;

const page = (title, body) => html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><style>${style}</style></head>
<body><header><a href="/">The shop</a></header><main><h1>${title}</h1>${body}</main></body></html>`;

/** @param items `{id, category, note}` */
const list = (items) =>
  html`<ul>${items.map(
    ({ id, category, note }) =>
      html`<li><a href="/items/${id}"><img src="/pictures/${id}.png" alt="${category}, ${id}"></a>${category}<br><small>${note}</small></li>`,
  )}</ul>`;

export const frontPage = ({ categories, suggestions, shopper }) =>
  page(
    'Welcome',
    html`<nav aria-label="Categories">${categories.map(
      ({ category, count }) =>
        html`<a href="/categories?name=${encodeURIComponent(category)}">${category} (${count})</a>`,
    )}</nav>
    <form action="/similar" method="post" enctype="multipart/form-data"><label>Find what is like a picture: <input type="file" name="picture" accept="image/*" required></label> <button>Find</button></form>
    <h2>For you</h2>${list(suggestions)}<p><small>You are ${shopper}.</small></p>`,
  );

export const listPage = (title, items) => page(title, list(items));

export const itemPage = ({ id, category, confidence, owned, similar }) =>
  page(
    `${category}, ${id}`,
    html`<img class="large" src="/pictures/${id}.png" alt="${category}"><p>${category}, ${(100 * confidence).toFixed(1)}% sure</p>
    ${(owned ? ['return'] : ['like', 'purchase']).map(
      (kind) => html`<form method="post" action="/items/${id}/${kind}"><button>${kind}</button></form> `,
    )}
    <h2>Similar</h2>${list(similar)}`,
  );

export const errorPage = (message) => page('That did not work', html`<p>${message}</p>`);
