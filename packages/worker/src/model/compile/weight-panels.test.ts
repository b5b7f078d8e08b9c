import { describe, expect, it } from 'vitest';
import { panelShape, toPanels, zeroPointSums } from './weight-panels.js';

const INPUTS = 12;
const OUTPUTS = 70;
const weights = Int8Array.from({ length: INPUTS * OUTPUTS }, (_, at) => ((at * 37) % 255) - 127);

describe('toPanels', () => {
  it('puts the weights of four inputs of an output side by side, 32 outputs to a panel', () => {
    const [panels = 0, quads = 0, panel = 0, quad = 0] = panelShape(INPUTS, OUTPUTS);
    expect([panels, quads, panel, quad]).toEqual([3, 3, 32, 4]);
    const packed = toPanels(weights, INPUTS, OUTPUTS);
    expect(packed).toHaveLength(panels * quads * panel * quad);
    for (let input = 0; input < INPUTS; input++) {
      for (let output = 0; output < OUTPUTS; output++) {
        const place = [Math.floor(output / 32), Math.floor(input / 4), output % 32, input % 4] as const;
        const at = ((place[0] * quads + place[1]) * panel + place[2]) * quad + place[3];
        expect(packed[at], `input ${input}, output ${output}`).toBe(weights[input * OUTPUTS + output]);
      }
    }
  });

  it('leaves zeros where the last panel has no outputs', () => {
    const packed = toPanels(new Int8Array(INPUTS * OUTPUTS).fill(1), INPUTS, OUTPUTS);
    expect(packed.reduce((sum, value) => sum + value, 0)).toBe(INPUTS * OUTPUTS);
  });
});

describe('zeroPointSums', () => {
  it('adds up the weights of each output', () => {
    const sums = zeroPointSums(weights, OUTPUTS, 128);
    for (let output = 0; output < OUTPUTS; output++) {
      let sum = 0;
      for (let input = 0; input < INPUTS; input++) sum += weights[input * OUTPUTS + output]!;
      expect(sums[output]).toBe(128 * sum);
    }
  });
});
