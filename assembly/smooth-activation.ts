// Activations of whole tensors whose slope follows from the input: SiLU and GELU. `simd/smooth-activation` has codes and definitions.
//
//   x, y          f32 [elements]     y = f(x)
//   dy, x, dx     f32 [elements]     dx = dy f'(x), or added to what is there; dx may be the memory of dy
//
//   unit = elementsPerUnit elements, of which the last unit may have fewer
import { activateRun, slopeRun } from './simd/smooth-activation';

@unmanaged
class SmoothActivationArgs {
  x: u32;
  y: u32;
  elements: i32;
  elementsPerUnit: i32;
  code: i32;
}

@unmanaged
class SmoothActivationGradArgs {
  dy: u32;
  x: u32;
  dx: u32;
  elements: i32;
  elementsPerUnit: i32;
  code: i32;
  adds: i32;
}

export function smoothActivation(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<SmoothActivationArgs>(args);
  const first = start * a.elementsPerUnit;
  const elements = min(end * a.elementsPerUnit, a.elements) - first;
  const x = <usize>a.x + ((<usize>first) << 2);
  const y = <usize>a.y + ((<usize>first) << 2);
  activateRun(a.code, x, y, elements, f32x4.splat(0));
}

/** Scratch: 64 bytes. */
export function smoothActivationGrad(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<SmoothActivationGradArgs>(args);
  const first = start * a.elementsPerUnit;
  const elements = min(end * a.elementsPerUnit, a.elements) - first;
  const dy = <usize>a.dy + ((<usize>first) << 2);
  const x = <usize>a.x + ((<usize>first) << 2);
  const dx = <usize>a.dx + ((<usize>first) << 2);
  slopeRun(a.code, dy, x, dx, elements, f32x4.splat(0), a.adds != 0, scratch);
}
