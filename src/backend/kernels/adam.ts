// One Adam update of one variable, in place. Not an optimiser: moments and step count belong to the caller.
import { float32Bits } from '../float-bits.ts';
import type { SelvedgeBackend, TensorReference } from '../selvedge-backend.ts';

const ELEMENTS_PER_UNIT = 1024;

/** Tensors of one variable; all have the same number of float32 elements. */
export interface AdamTensors {
  readonly weights: TensorReference;
  readonly gradient: TensorReference;
  readonly firstMoment: TensorReference;
  readonly secondMoment: TensorReference;
}

export interface AdamSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Learning rate with both bias corrections folded in. */
  readonly stepSize: number;
}

/**
 * Updates weights and moments in place.
 *
 * @param elements Number of elements of each tensor
 */
export function adam(backend: SelvedgeBackend, tensors: AdamTensors, elements: number, settings: AdamSettings): void {
  backend.pool.run('adam', Math.ceil(elements / ELEMENTS_PER_UNIT), [
    backend.offset(tensors.weights),
    backend.offset(tensors.gradient),
    backend.offset(tensors.firstMoment),
    backend.offset(tensors.secondMoment),
    elements,
    ELEMENTS_PER_UNIT,
    float32Bits(settings.beta1),
    float32Bits(settings.beta2),
    float32Bits(settings.epsilon),
    float32Bits(settings.stepSize),
  ]);
}
