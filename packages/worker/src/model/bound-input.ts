import { type Binding, Tensor, type TensorArray } from '@sluice/ort';

/** An input of a graph whose values lie in an array made once; a tensor is bound anew only when its length changed. */
export class BoundInput<A extends TensorArray> {
  /** Of the largest pass. */
  readonly array: A;
  readonly #binding: Binding;
  readonly #name: string;
  #length = -1;

  constructor(binding: Binding, name: string, array: A) {
    this.#binding = binding;
    this.#name = name;
    this.array = array;
  }

  /** @param length elements that the next pass reads; the shape follows from it. */
  bind(length: number, shape: readonly number[] = [length]): void {
    if (this.#length === length) return;
    this.#length = length;
    const tensor = Tensor.over(this.array, shape);
    this.#binding.bindInput(this.#name, tensor);
    tensor.dispose();
  }
}
