// scikit-learn 1.2.1's classification_report on small confusion matrices, for what does not differ in 1.9.1: names, digits, keys.
// Made with: classification_report(truth, predicted, labels=range(n), target_names=names, digits=digits)

export interface GoldenReport {
  readonly names: string[];
  readonly digits: number;
  readonly confusion: number[][];
  readonly lines: string[];
  readonly dict: Record<string, number | Record<string, number>>;
}

export const goldenReports: GoldenReport[] = [
  {
    names: ['cat', 'dog'],
    digits: 2,
    confusion: [
      [8, 2],
      [1, 9],
    ],
    lines: [
      '              precision    recall  f1-score   support',
      '',
      '         cat       0.89      0.80      0.84        10',
      '         dog       0.82      0.90      0.86        10',
      '',
      '    accuracy                           0.85        20',
      '   macro avg       0.85      0.85      0.85        20',
      'weighted avg       0.85      0.85      0.85        20',
      '',
    ],
    dict: {
      cat: { precision: 0.8888888888888888, recall: 0.8, 'f1-score': 0.8421052631578948, support: 10 },
      dog: { precision: 0.8181818181818182, recall: 0.9, 'f1-score': 0.8571428571428572, support: 10 },
      accuracy: 0.85,
      'macro avg': {
        precision: 0.8535353535353536,
        recall: 0.8500000000000001,
        'f1-score': 0.849624060150376,
        support: 20,
      },
      'weighted avg': { precision: 0.8535353535353536, recall: 0.85, 'f1-score': 0.8496240601503761, support: 20 },
    },
  },
  {
    names: ['T-shirt/top', 'a name longer than all the averages', '☂️ é'],
    digits: 2,
    confusion: [
      [5, 0, 2],
      [0, 0, 4],
      [0, 0, 0],
    ],
    lines: [
      '                                     precision    recall  f1-score   support',
      '',
      '                        T-shirt/top       1.00      0.71      0.83         7',
      'a name longer than all the averages       0.00      0.00      0.00         4',
      '                               ☂️ é       0.00      0.00      0.00         0',
      '',
      '                           accuracy                           0.45        11',
      '                          macro avg       0.33      0.24      0.28        11',
      '                       weighted avg       0.64      0.45      0.53        11',
      '',
    ],
    dict: {
      'T-shirt/top': { precision: 1.0, recall: 0.7142857142857143, 'f1-score': 0.8333333333333333, support: 7 },
      'a name longer than all the averages': { precision: 0.0, recall: 0.0, 'f1-score': 0.0, support: 4 },
      '☂️ é': { precision: 0.0, recall: 0.0, 'f1-score': 0.0, support: 0 },
      accuracy: 0.45454545454545453,
      'macro avg': {
        precision: 0.3333333333333333,
        recall: 0.2380952380952381,
        'f1-score': 0.27777777777777773,
        support: 11,
      },
      'weighted avg': {
        precision: 0.6363636363636364,
        recall: 0.45454545454545453,
        'f1-score': 0.5303030303030303,
        support: 11,
      },
    },
  },
  {
    names: ['tie', 'x'],
    digits: 2,
    confusion: [
      [1, 7],
      [0, 8],
    ],
    lines: [
      '              precision    recall  f1-score   support',
      '',
      '         tie       1.00      0.12      0.22         8',
      '           x       0.53      1.00      0.70         8',
      '',
      '    accuracy                           0.56        16',
      '   macro avg       0.77      0.56      0.46        16',
      'weighted avg       0.77      0.56      0.46        16',
      '',
    ],
    dict: {
      tie: { precision: 1.0, recall: 0.125, 'f1-score': 0.2222222222222222, support: 8 },
      x: { precision: 0.5333333333333333, recall: 1.0, 'f1-score': 0.6956521739130436, support: 8 },
      accuracy: 0.5625,
      'macro avg': { precision: 0.7666666666666666, recall: 0.5625, 'f1-score': 0.4589371980676329, support: 16 },
      'weighted avg': { precision: 0.7666666666666666, recall: 0.5625, 'f1-score': 0.4589371980676329, support: 16 },
    },
  },
  {
    names: ['1', '10', '9'],
    digits: 4,
    confusion: [
      [1, 7, 3],
      [2, 8, 1],
      [5, 5, 90000],
    ],
    lines: [
      '              precision    recall  f1-score   support',
      '',
      '           1     0.1250    0.0909    0.1053        11',
      '          10     0.4000    0.7273    0.5161        11',
      '           9     1.0000    0.9999    0.9999     90010',
      '',
      '    accuracy                         0.9997     90032',
      '   macro avg     0.5083    0.6060    0.5404     90032',
      'weighted avg     0.9998    0.9997    0.9998     90032',
      '',
    ],
    dict: {
      '1': { precision: 0.125, recall: 0.09090909090909091, 'f1-score': 0.10526315789473685, support: 11 },
      '10': { precision: 0.4, recall: 0.7272727272727273, 'f1-score': 0.5161290322580645, support: 11 },
      '9': {
        precision: 0.9999555575307764,
        recall: 0.9998889012331963,
        'f1-score': 0.9999222282711345,
        support: 90010,
      },
      accuracy: 0.9997445352763462,
      'macro avg': {
        precision: 0.5083185191769255,
        recall: 0.6060235731383382,
        'f1-score': 0.5404381394746453,
        support: 90032,
      },
      'weighted avg': {
        precision: 0.9997753546888347,
        recall: 0.9997445352763462,
        'f1-score': 0.9997538106537288,
        support: 90032,
      },
    },
  },
];
