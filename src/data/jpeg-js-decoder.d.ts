// The decoder of jpeg-js alone: its main module brings the encoder along, which a worker at the edge would carry for nothing.
declare module 'jpeg-js/lib/decoder.js' {
  export { decode as default } from 'jpeg-js';
}
