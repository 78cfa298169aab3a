// What the build puts in, and what it makes of imports that are addresses.

/** Whether the whole data set lies beside the page, in `data/`. */
declare const __HAS_DATA__: boolean;
/** Whether `isolate.js`, a service worker, lies beside the page. */
declare const __HAS_ISOLATING_WORKER__: boolean;

declare module '*?url' {
  const address: string;
  export default address;
}

/** What workers alone have, and TypeScript's library of pages does not know: https://fs.spec.whatwg.org */
interface FileSystemFileHandle {
  createSyncAccessHandle(): Promise<{
    truncate(bytes: number): void;
    write(bytes: Uint8Array, place: { readonly at: number }): number;
    flush(): void;
    close(): void;
  }>;
}
