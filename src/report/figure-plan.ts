// A figure as its section asks for it. Not here: its number (study-figures.ts).
import type { Drawing } from './svg.ts';

/** A figure before it has its number. */
export interface FigurePlan<Topic> {
  readonly topic: Topic;
  readonly caption: string;
  readonly panels: readonly {
    readonly suffix: string;
    readonly title: string;
    readonly description: string;
    readonly drawing: Drawing;
  }[];
}
