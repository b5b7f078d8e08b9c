import { readFileSync } from 'node:fs';
import type { Binding } from '@sluice/ort';
import { describe, expect, it } from 'vitest';
import { LaneOutputs } from './lane-outputs.js';

const MIB = 2 ** 20;
const vocabularyCount = 65_536;
const ROW_BYTES = vocabularyCount * 4;

describe('LaneOutputs.bind', () => {
  it.runIf(process.platform === 'linux')(
    'gives the memory of many rows back when few are wanted, and keeps theirs',
    () => {
      const sizes = { stepTokensMax: 400, hiddenLength: 8, wantedRowsMax: 400, candidateCount: 4 };
      const outputs = new LaneOutputs({ ...sizes, vocabularyCount });
      const binding = { bindOutput: () => {} } as unknown as Binding;
      const want = { temperatures: [] };
      const pass = (rows: number): void => {
        outputs.bind(binding, rows, rows, 0);
        for (const [index, { logits }] of outputs.rows(Array.from({ length: rows }, () => want)).entries()) {
          logits.fill(index + 1);
        }
      };
      pass(400);
      const full = residentBytes();
      outputs.bind(binding, 16, 16, 0);
      expect(full - residentBytes()).toBeGreaterThan(336 * ROW_BYTES - 4 * MIB);
      expect(outputs.rows([want])[0]!.logits.every((logit) => logit === 1)).toBe(true);
      // And again, for the next prompt that is scored.
      pass(400);
      outputs.bind(binding, 1, 1, 0);
      expect(full - residentBytes()).toBeGreaterThan(336 * ROW_BYTES - 4 * MIB);
    },
  );
});

function residentBytes(): number {
  const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}
