// Known functions to search, as define-by-run code; peers/tpe_optuna.py has the same. Not here: the search (tpe.ts).
// Sources: L. Dixon and G. Szegő, "Towards Global Optimisation 2", 1978 (Branin, Hartmann); the third is ours, and like a recipe: a
// rate over decades, a whole number, a choice, and parameters that only one option has.

/** Asks for a value of a parameter. */
export interface Suggest {
  float(name: string, low: number, high: number, log?: boolean): number;
  integer(name: string, low: number, high: number, step: number): number;
  choice(name: string, choices: readonly string[]): string;
}

export interface KnownFunction {
  readonly name: string;
  /** Its least value. */
  readonly minimum: number;
  evaluate(suggest: Suggest): number;
}

const HARTMANN_A = [
  [10, 3, 17, 3.5, 1.7, 8],
  [0.05, 10, 17, 0.1, 8, 14],
  [3, 3.5, 1.7, 10, 17, 8],
  [17, 8, 0.05, 10, 0.1, 14],
] as const;
const HARTMANN_P = [
  [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
  [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
  [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.665],
  [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
] as const;
const HARTMANN_ALPHA = [1, 1.2, 3, 3.2] as const;

export const knownFunctions: readonly KnownFunction[] = [
  {
    name: 'Branin',
    minimum: 0.39788735772973816,
    evaluate(suggest) {
      const x = suggest.float('x', -5, 10);
      const y = suggest.float('y', 0, 15);
      const bend = y - (5.1 / (4 * Math.PI ** 2)) * x * x + (5 / Math.PI) * x - 6;
      return bend * bend + 10 * (1 - 1 / (8 * Math.PI)) * Math.cos(x) + 10;
    },
  },
  {
    name: 'Hartmann 6',
    minimum: -3.322368011415511,
    evaluate(suggest) {
      const x = Array.from({ length: 6 }, (_, i) => suggest.float(`x${i}`, 0, 1));
      return -HARTMANN_ALPHA.reduce((sum, alpha, row) => {
        const distance = x.reduce((total, at, i) => total + HARTMANN_A[row]![i]! * (at - HARTMANN_P[row]![i]!) ** 2, 0);
        return sum + alpha * Math.exp(-distance);
      }, 0);
    },
  },
  {
    name: 'recipe-like',
    minimum: 0,
    evaluate(suggest) {
      const rate = suggest.float('rate', 1e-5, 1, true);
      const width = suggest.integer('width', 8, 64, 8);
      const kind = suggest.choice('kind', ['a', 'b', 'c']);
      const known = (Math.log10(rate) + 2.5) ** 2 + Math.abs(width - 40) / 16;
      if (kind === 'a') return known + 1 + (suggest.float('momentum', 0, 1) - 0.3) ** 2;
      if (kind === 'b') return known + 4 * (suggest.float('decay', 0, 1) - 0.7) ** 2;
      return known + 2;
    },
  },
];
