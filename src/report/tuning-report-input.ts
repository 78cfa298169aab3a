// What the report of a study of tuning is drawn from: plain values. Not here: where they come from (a journal).

export interface TuningTrial {
  readonly number: number;
  readonly state: 'running' | 'complete' | 'pruned' | 'failed' | 'waiting';
  readonly value?: number | undefined;
  /** Value after each step, in order. */
  readonly curve: readonly (readonly [step: number, value: number])[];
  /** By name of the parameter: the value as text, and its place on the axis from 0 to 1. */
  readonly parameters: Readonly<Record<string, { readonly text: string; readonly place: number }>>;
  /** Of training; undefined where the journal does not tell. */
  readonly minutes?: number | undefined;
  readonly error?: string | undefined;
}

export interface TuningParameter {
  readonly name: string;
  /** In words: a range, or choices. */
  readonly range: string;
  /** Labels of the axis and their places from 0 to 1. */
  readonly labels: readonly (readonly [place: number, text: string])[];
}

export interface TuningReportInput {
  readonly name: string;
  /** What the values are, for example "Validation accuracy". */
  readonly measure: string;
  readonly isMaximised: boolean;
  readonly parameters: readonly TuningParameter[];
  readonly trials: readonly TuningTrial[];
  /** Number of the best trial. */
  readonly best?: number | undefined;
  readonly importance?:
    | {
        readonly shares: readonly { readonly name: string; readonly share: number }[];
        readonly step: number;
        readonly trials: number;
      }
    | undefined;
  /** Names and values of the settings of the search. */
  readonly settings: readonly (readonly [string, string])[];
  /** Repeats the study, or writes this report. */
  readonly command: string;
  /** The best recipe as JSON. */
  readonly recipe?: string | undefined;
}
