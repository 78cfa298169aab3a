// One row of a one-hot matrix. Not a kernel: those that make labels call it for each example.

/** Writes `classes` float32 values at `row`: 1 at `label`, which the caller has checked, and 0 elsewhere. */
@inline
export function storeOneHot(row: usize, label: u32, classes: i32): void {
  memory.fill(row, 0, (<usize>classes) << 2);
  store<f32>(row + ((<usize>label) << 2), 1);
}
