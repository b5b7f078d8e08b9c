import { assert } from '@sluice/shared';

/** Which slots of the key-value cache are free. */
export class SlotTable {
  readonly slotsMax: number;
  readonly #taken: Uint8Array;
  #takenCount = 0;

  constructor(slotsMax: number) {
    assert(Number.isInteger(slotsMax) && slotsMax > 0, `slots ${slotsMax} must be a positive integer`);
    this.slotsMax = slotsMax;
    this.#taken = new Uint8Array(slotsMax);
  }

  get freeCount(): number {
    return this.slotsMax - this.#takenCount;
  }

  isFree(slot: number): boolean {
    return this.#taken[slot] === 0;
  }

  take(slot: number): void {
    assert(this.isFree(slot), `slot ${slot} was taken and is not free`);
    this.#taken[slot] = 1;
    this.#takenCount += 1;
  }

  free(slot: number): void {
    assert(this.#taken[slot] === 1, `slot ${slot} was freed and is not taken`);
    this.#taken[slot] = 0;
    this.#takenCount -= 1;
  }
}
