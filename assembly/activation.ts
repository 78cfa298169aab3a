// Activations of whole tensors and their gradients from the output. `simd/activation` has the codes and the definitions.
//
//   x, y          f32 [elements]     y = f(x); may be the same memory
//   dy, y, dx     f32 [elements]     dx = dy f'(x); dx may be the memory of dy or of y
//
//   unit = elementsPerUnit elements, of which the last unit may have fewer
import { activate, backpropActivation, ELU, LEAKY_RELU, RELU, RELU6, SIGMOID } from './simd/activation';
import { loadColumns, storeColumns } from './simd/columns';

@unmanaged
class ActivationArgs {
  x: u32;
  y: u32;
  elements: i32;
  elementsPerUnit: i32;
  code: i32;
  alpha: f32;
}

@unmanaged
class ActivationGradArgs {
  dy: u32;
  y: u32;
  dx: u32;
  elements: i32;
  elementsPerUnit: i32;
  code: i32;
  alpha: f32;
}

@inline
function activateRun(code: i32, x: usize, y: usize, elements: i32, alpha: v128): void {
  for (; elements >= 4; elements -= 4, x += 16, y += 16) v128.store(y, activate(code, v128.load(x), alpha));
  if (elements > 0) storeColumns(y, activate(code, loadColumns(x, elements), alpha), alpha, elements);
}

@inline
function gradRun(code: i32, dy: usize, y: usize, dx: usize, elements: i32, alpha: v128): void {
  for (; elements >= 4; elements -= 4, dy += 16, y += 16, dx += 16) {
    v128.store(dx, backpropActivation(code, v128.load(dy), v128.load(y), alpha));
  }
  if (elements > 0) {
    const last = backpropActivation(code, loadColumns(dy, elements), loadColumns(y, elements), alpha);
    storeColumns(dx, last, alpha, elements);
  }
}

export function activation(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<ActivationArgs>(args);
  const first = start * a.elementsPerUnit;
  const elements = min(end * a.elementsPerUnit, a.elements) - first;
  const x = <usize>a.x + ((<usize>first) << 2);
  const y = <usize>a.y + ((<usize>first) << 2);
  const alpha = f32x4.splat(a.alpha);
  // One loop a cheap code; the others cost more than the branch on their code.
  if (a.code == RELU) activateRun(RELU, x, y, elements, alpha);
  else if (a.code == RELU6) activateRun(RELU6, x, y, elements, alpha);
  else if (a.code == LEAKY_RELU) activateRun(LEAKY_RELU, x, y, elements, alpha);
  else activateRun(a.code, x, y, elements, alpha);
}

export function activationGrad(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<ActivationGradArgs>(args);
  const first = start * a.elementsPerUnit;
  const elements = min(end * a.elementsPerUnit, a.elements) - first;
  const dy = <usize>a.dy + ((<usize>first) << 2);
  const y = <usize>a.y + ((<usize>first) << 2);
  const dx = <usize>a.dx + ((<usize>first) << 2);
  const alpha = f32x4.splat(a.alpha);
  if (a.code == RELU) gradRun(RELU, dy, y, dx, elements, alpha);
  else if (a.code == RELU6) gradRun(RELU6, dy, y, dx, elements, alpha);
  else if (a.code == LEAKY_RELU) gradRun(LEAKY_RELU, dy, y, dx, elements, alpha);
  else if (a.code == ELU) gradRun(ELU, dy, y, dx, elements, alpha);
  else if (a.code == SIGMOID) gradRun(SIGMOID, dy, y, dx, elements, alpha);
  else gradRun(a.code, dy, y, dx, elements, alpha);
}
