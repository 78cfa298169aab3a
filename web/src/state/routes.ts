// The views by name. Not here: which one is shown (route.ts), what each is (app.tsx).

/** In the order of the navigation, a line each; app.tsx has the view of each. */
export const routes = [
  'classify',
  'similar',
  'find',
  'inspect',
  'design',
  'data',
  'train',
  'evaluate',
  'study',
] as const;

export type Route = (typeof routes)[number];
