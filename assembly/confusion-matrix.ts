// Argmax of each row of scores and the count of (true class, predicted class) pairs.
// A unit is a run of `rowsPerUnit` rows with a count table of its own, so no two threads write to one word; the caller adds the
// tables. Counts are integers: the sum does not depend on the partition. The first of equal scores wins, as in tf.argMax.
//
//   scores    f32 [rows, classes]
//   labels    i32 [rows]                        each in [0, classes): the caller has checked
//   predicted i32 [rows]                        -1 where the row holds a NaN; such a row is not counted
//   counts    i32 [units, classes, classes]     zeroed here; [unit][true][predicted]

@unmanaged
class ConfusionArgs {
  scores: u32;
  labels: u32;
  predicted: u32;
  counts: u32;
  rows: i32;
  classes: i32;
  rowsPerUnit: i32;
}

/** Index of the greatest of `classes` scores, or -1 where one is NaN. */
@inline
function argMaxRow(row: usize, classes: i32): i32 {
  let best = load<f32>(row);
  let at = 0;
  if (best != best) return -1;
  for (let column = 1; column < classes; column++) {
    const score = load<f32>(row + ((<usize>column) << 2));
    if (score != score) return -1;
    if (score > best) {
      best = score;
      at = column;
    }
  }
  return at;
}

export function confusionMatrix(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<ConfusionArgs>(args);
  const classes = a.classes;
  const rowBytes = (<usize>classes) << 2;
  const tableBytes = rowBytes * <usize>classes;
  for (let unit = start; unit < end; unit++) {
    const table = <usize>a.counts + <usize>unit * tableBytes;
    memory.fill(table, 0, tableBytes);
    const first = unit * a.rowsPerUnit;
    const last = min(first + a.rowsPerUnit, a.rows);
    for (let row = first; row < last; row++) {
      const predicted = argMaxRow(<usize>a.scores + <usize>row * rowBytes, classes);
      const word = (<usize>row) << 2;
      store<i32>(<usize>a.predicted + word, predicted);
      if (predicted < 0) continue;
      const label = load<i32>(<usize>a.labels + word);
      const cell = table + (<usize>(label * classes + predicted) << 2);
      store<i32>(cell, load<i32>(cell) + 1);
    }
  }
}
