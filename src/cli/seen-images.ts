// Which images the weights of a model have seen, as its settings tell: its own training's, and those of what it started from or is an
// average of. Not here: the images. Invariant: what was seen in any of these trainings is never called held out.

/** What the settings of a training say of its images; a model of stock tfjs says nothing. */
export interface TrainedWith {
  /** sha256 of the data files. */
  readonly data?: readonly string[];
  readonly validationExamples?: number;
  readonly splitSeed?: number;
  /** Of what it started from. */
  readonly from?: { readonly trainedWith?: TrainedWith };
  /** Of an average. */
  readonly members?: readonly { readonly settings: TrainedWith }[];
}

/** The model that a training started from. */
export interface StartedFrom {
  readonly model: string;
  /** sha256 of its weights. */
  readonly weights: string;
  readonly trainedWith?: TrainedWith;
}

/** Of a model's settings, only which images it has seen. */
export function trainedWithOf(settings: TrainedWith): TrainedWith {
  const { data, validationExamples, splitSeed, from, members } = settings;
  return {
    ...(data === undefined ? {} : { data }),
    ...(validationExamples === undefined ? {} : { validationExamples }),
    ...(splitSeed === undefined ? {} : { splitSeed }),
    ...(from?.trainedWith ? { from: { trainedWith: from.trainedWith } } : {}),
    ...(Array.isArray(members)
      ? { members: members.map((member) => ({ settings: trainedWithOf(member.settings) })) }
      : {}),
  };
}

/** Whether what a training started from has seen images that the training keeps for validation, as far as settings tell. */
export function startSawValidation(settings: TrainedWith): boolean {
  const { data, validationExamples, splitSeed, from } = settings;
  if (!from?.trainedWith || !data || !validationExamples) return false;
  return trainingsOf(from.trainedWith).some(
    (before) =>
      before.data?.join() === data.join() &&
      !(before.validationExamples === validationExamples && before.splitSeed === splitSeed),
  );
}

/** A training and all behind it; an average has none of its own, unless it was trained on. */
function trainingsOf(told: TrainedWith): TrainedWith[] {
  const behind = [
    ...(told.from?.trainedWith ? trainingsOf(told.from.trainedWith) : []),
    ...(told.members ?? []).flatMap(({ settings }) => trainingsOf(settings)),
  ];
  return told.members && told.validationExamples === undefined ? behind : [told, ...behind];
}
