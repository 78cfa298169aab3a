// One-dimensional transforms of Winograd's minimal filtering F(m, 3), for four channels at a time: m outputs of a 3-tap filter
// from n = m + 2 products. Not kernels: simd/winograd-tiles.ts applies them to rows, then to columns. The transforms themselves
// are in winograd-f2-f4.ts and winograd-f5-f6.ts.
//
//   INPUT    d -> B^T d    n -> n        INPUT_GRADIENT    v -> B v      n -> n      the transpose
//   FILTER   g -> G g      3 -> n        FILTER_GRADIENT   u -> G^T u    n -> 3
//   OUTPUT   p -> A^T p    n -> m        OUTPUT_GRADIENT   y -> A y      m -> n
//
// Invariant: `kind` and `m` are looked at once for many lines. No code is copied per kind: asc does not fold constants that go
// through inlined functions, and its optimiser takes minutes for what would be left to it.
import { F2, F3, F4 } from './winograd-f2-f4';
import { F5, F6 } from './winograd-f5-f6';

export const INPUT: i32 = 0;
export const FILTER: i32 = 1;
export const OUTPUT: i32 = 2;
export const INPUT_GRADIENT: i32 = 3;
export const FILTER_GRADIENT: i32 = 4;
export const OUTPUT_GRADIENT: i32 = 5;

/** What happens to a result: it replaces, is added to what is there, or gets a bias and is clamped. */
export const REPLACE: i32 = 0;
export const ADD: i32 = 1;
export const FINISH: i32 = 2;

/** Values that a transform takes. */
@inline
export function inputsOf(kind: i32, m: i32): i32 {
  return kind == FILTER ? 3 : kind == OUTPUT_GRADIENT ? m : m + 2;
}

/** Values that a transform gives. */
@inline
export function outputsOf(kind: i32, m: i32): i32 {
  return kind == FILTER_GRADIENT ? 3 : kind == OUTPUT ? m : m + 2;
}

/**
 * Transforms `lines` lines that lie `fromLine` bytes apart, each of values `fromStep` bytes apart, to lines `toLine` bytes apart
 * of values `toStep` bytes apart.
 *
 * @param adds Of INPUT_GRADIENT only: add results to what is there
 */
@inline
export function transformLines(
  kind: i32, m: i32, adds: bool, from: usize, fromLine: usize, fromStep: usize, to: usize, toLine: usize, toStep: usize,
  lines: i32,
): void {
  if (m == 6) linesBy<F6>(kind, adds, from, fromLine, fromStep, to, toLine, toStep, lines);
  else if (m == 5) linesBy<F5>(kind, adds, from, fromLine, fromStep, to, toLine, toStep, lines);
  else if (m == 4) linesBy<F4>(kind, adds, from, fromLine, fromStep, to, toLine, toStep, lines);
  else if (m == 3) linesBy<F3>(kind, adds, from, fromLine, fromStep, to, toLine, toStep, lines);
  else linesBy<F2>(kind, adds, from, fromLine, fromStep, to, toLine, toStep, lines);
}

function linesBy<F>(
  kind: i32, adds: bool, from: usize, fromLine: usize, fromStep: usize, to: usize, toLine: usize, toStep: usize,
  lines: i32,
): void {
  const f = changetype<F>(0);
  const end = to + <usize>lines * toLine;
  if (kind == INPUT) {
    for (; to < end; from += fromLine, to += toLine) f.input(from, fromStep, to, toStep);
  } else if (kind == FILTER) {
    for (; to < end; from += fromLine, to += toLine) f.filter(from, fromStep, to, toStep);
  } else if (kind == OUTPUT) {
    for (; to < end; from += fromLine, to += toLine) f.output(from, fromStep, to, toStep);
  } else if (kind == FILTER_GRADIENT) {
    for (; to < end; from += fromLine, to += toLine) f.filterGradient(from, fromStep, to, toStep);
  } else if (kind == OUTPUT_GRADIENT) {
    for (; to < end; from += fromLine, to += toLine) f.outputGradient(from, fromStep, to, toStep);
  } else if (adds) {
    for (; to < end; from += fromLine, to += toLine) f.inputGradient(true, from, fromStep, to, toStep);
  } else {
    for (; to < end; from += fromLine, to += toLine) f.inputGradient(false, from, fromStep, to, toStep);
  }
}
