// The edge package: a trained model's answers from kernels of our own alone. Imports src/core/ and nothing else.
export { type Classifier, type ClassifierOptions, createClassifier, type ModelDescription } from './classifier.ts';
