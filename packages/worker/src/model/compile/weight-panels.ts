/** Outputs of a panel, and inputs whose weights lie side by side: as native/linear.c reads them. */
export const PANEL = 32;
export const QUAD = 4;

/** [panels, inputs / 4, 32, 4] of weights [inputs, outputs]; outputs that are missing in the last panel have weights of zero. */
export function panelShape(inputs: number, outputs: number): readonly number[] {
  return [Math.ceil(outputs / PANEL), inputs / QUAD, PANEL, QUAD];
}

/** @param weights [inputs, outputs], row-major; inputs a multiple of 4. Returns them in the shape of {@link panelShape}. */
export function toPanels(weights: Int8Array, inputs: number, outputs: number): Int8Array {
  const panels = new Int8Array(Math.ceil(outputs / PANEL) * PANEL * inputs);
  for (let input = 0; input < inputs; input++) {
    const row = input * outputs;
    // Of output 0: within its panel each output is four places further.
    const place = (input - (input % QUAD)) * PANEL + (input % QUAD);
    for (let output = 0; output < outputs; output++) {
      const panel = output - (output % PANEL);
      panels[panel * inputs + place + (output - panel) * QUAD] = weights[row + output]!;
    }
  }
  return panels;
}

/**
 * What inputs' zero point adds to each output's sum.
 * @param weights [inputs, outputs], row-major.
 */
export function zeroPointSums(weights: Int8Array, outputs: number, zeroPoint: number): Int32Array {
  const sums = new Int32Array(outputs);
  for (let at = 0; at < weights.length; at++) sums[at % outputs]! += zeroPoint * weights[at]!;
  return sums;
}
