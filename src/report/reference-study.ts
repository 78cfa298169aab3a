// What the original study reports, as constants: the mark that a run is held against, and where its text and notebook differ.
// Source: the study's Keras notebook and its text. Not results of this project.

/** Length and result of the original's second model, with dropout. */
export const referenceStudy = {
  epochs: 50,
  loss: 0.20888,
  accuracy: 0.9258,
  correct: 9258,
  incorrect: 742,
  /** Rounded to two digits in the original; in the order of the data set's labels. */
  classes: [
    { name: 'T-shirt/top', precision: 0.91, recall: 0.84, f1: 0.88 },
    { name: 'Trouser', precision: 0.99, recall: 0.99, f1: 0.99 },
    { name: 'Pullover', precision: 0.93, recall: 0.85, f1: 0.89 },
    { name: 'Dress', precision: 0.92, recall: 0.94, f1: 0.93 },
    { name: 'Coat', precision: 0.88, recall: 0.9, f1: 0.89 },
    { name: 'Sandal', precision: 0.99, recall: 0.97, f1: 0.98 },
    { name: 'Shirt', precision: 0.75, recall: 0.83, f1: 0.79 },
    { name: 'Sneaker', precision: 0.94, recall: 0.98, f1: 0.96 },
    { name: 'Bag', precision: 0.99, recall: 0.99, f1: 0.99 },
    { name: 'Ankle boot', precision: 0.98, recall: 0.96, f1: 0.97 },
  ],
  /** Two independent runs of the recipe in PyTorch: same split, Glorot uniform after the first layer, Adam epsilon 1e-7. */
  repetitions: [
    { accuracy: 0.9229, loss: 0.229 },
    { accuracy: 0.916, loss: 0.235 },
  ],
} as const;

/** Where the study's text and its notebook do not say the same. */
export const textAndNotebook = [
  {
    point: 'Dropout of 0.4',
    text: 'after the second convolution',
    notebook: 'after the third convolution; 0.25 after the first and second poolings, 0.3 after the dense layer',
  },
  {
    point: 'he_normal initialiser',
    text: 'named for the second model only',
    notebook: 'first convolution of both models; Glorot uniform everywhere else',
  },
] as const;
