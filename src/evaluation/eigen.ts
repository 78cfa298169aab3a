// Eigenvalues and eigenvectors of a symmetric matrix. Not here: what they are of (frechet.ts, scripts/short-runs/whitening.ts).
// Invariant: double precision and exact arithmetic alone, so that every engine gives the same bits.

/** Sweeps of Jacobi's method, which converges in about ten. */
const MOST_SWEEPS = 60;

/**
 * Eigenvalues and eigenvectors by cyclic Jacobi (Golub & Van Loan, section 8.5), in no order.
 *
 * @param matrix Symmetric, `[size, size]`; not changed, not checked
 * @param size Rows
 * @returns Values `[size]`, and vectors `[size, size]` of length 1, the one of each value in the column of its place
 */
export function eigenOf(matrix: Float64Array, size: number): { values: Float64Array; vectors: Float64Array } {
  const a = matrix.slice();
  const vectors = new Float64Array(size * size);
  for (let i = 0; i < size; i++) vectors[i * size + i] = 1;
  const scale = a.reduce((sum, value) => sum + value * value, 0);
  for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) {
    let rest = 0;
    for (let p = 0; p < size; p++) for (let q = 0; q < p; q++) rest += a[p * size + q]! * a[p * size + q]!;
    if (rest <= 1e-26 * scale) break;
    for (let p = 0; p < size - 1; p++) for (let q = p + 1; q < size; q++) rotate(a, vectors, size, p, q);
  }
  return { values: Float64Array.from({ length: size }, (_, i) => a[i * size + i]!), vectors };
}

/** Makes the elements (p, q) and (q, p) zero. */
function rotate(a: Float64Array, vectors: Float64Array, size: number, p: number, q: number): void {
  const off = a[p * size + q]!;
  if (off === 0) return;
  const slope = (a[q * size + q]! - a[p * size + p]!) / (2 * off);
  const tangent = (slope >= 0 ? 1 : -1) / (Math.abs(slope) + Math.sqrt(1 + slope * slope));
  const cosine = 1 / Math.sqrt(1 + tangent * tangent);
  const sine = tangent * cosine;
  for (let k = 0; k < size; k++) {
    const [x, y] = [a[k * size + p]!, a[k * size + q]!];
    a[k * size + p] = cosine * x - sine * y;
    a[k * size + q] = sine * x + cosine * y;
  }
  for (let k = 0; k < size; k++) {
    const [x, y] = [a[p * size + k]!, a[q * size + k]!];
    a[p * size + k] = cosine * x - sine * y;
    a[q * size + k] = sine * x + cosine * y;
    const [u, v] = [vectors[k * size + p]!, vectors[k * size + q]!];
    vectors[k * size + p] = cosine * u - sine * v;
    vectors[k * size + q] = sine * u + cosine * v;
  }
}
