// Activations of whole tensors whose slope follows from the input: SiLU and GELU. `simd/smooth-activation` has codes and definitions.
//
//   x, y          f32 [elements]     y = f(x)
//   dy, x, dx     f32 [elements]     dx = dy f'(x), or added to what is there; dx may be the memory of dy
//
//   unit = elementsPerUnit elements, of which the last unit may have fewer
import { loadColumns, storeColumns } from './simd/columns';
import { activateAny, SILU, slopeOfAny } from './simd/smooth-activation';

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

@inline
function activateRun(code: i32, x: usize, y: usize, elements: i32): void {
  const none = f32x4.splat(0);
  for (; elements >= 4; elements -= 4, x += 16, y += 16) v128.store(y, activateAny(code, v128.load(x), none));
  if (elements > 0) storeColumns(y, activateAny(code, loadColumns(x, elements), none), none, elements);
}

@inline
function gradRun(code: i32, dy: usize, x: usize, dx: usize, elements: i32, adds: bool): void {
  const none = f32x4.splat(0);
  for (; elements >= 4; elements -= 4, dy += 16, x += 16, dx += 16) {
    const slope = f32x4.mul(v128.load(dy), slopeOfAny(code, v128.load(x), none));
    v128.store(dx, adds ? f32x4.add(v128.load(dx), slope) : slope);
  }
  if (elements > 0) {
    let slope = f32x4.mul(loadColumns(dy, elements), slopeOfAny(code, loadColumns(x, elements), none));
    if (adds) slope = f32x4.add(loadColumns(dx, elements), slope);
    storeColumns(dx, slope, none, elements);
  }
}

export function smoothActivation(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<SmoothActivationArgs>(args);
  const first = start * a.elementsPerUnit;
  const elements = min(end * a.elementsPerUnit, a.elements) - first;
  const x = <usize>a.x + ((<usize>first) << 2);
  const y = <usize>a.y + ((<usize>first) << 2);
  if (a.code == SILU) activateRun(SILU, x, y, elements);
  else activateRun(a.code, x, y, elements);
}

export function smoothActivationGrad(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<SmoothActivationGradArgs>(args);
  const first = start * a.elementsPerUnit;
  const elements = min(end * a.elementsPerUnit, a.elements) - first;
  const dy = <usize>a.dy + ((<usize>first) << 2);
  const x = <usize>a.x + ((<usize>first) << 2);
  const dx = <usize>a.dx + ((<usize>first) << 2);
  if (a.code == SILU) gradRun(SILU, dy, x, dx, elements, a.adds != 0);
  else gradRun(a.code, dy, x, dx, elements, a.adds != 0);
}
