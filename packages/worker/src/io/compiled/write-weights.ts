import { open } from 'node:fs/promises';
import type { WeightTable } from '../../model/compile/weight-table.js';

/**
 * Makes all weights of a table and writes them to a new file.
 * @param isKept whether the file has to outlive the machine's next failure.
 * @param onProgress 0 to 1.
 */
export async function writeWeights(
  weights: WeightTable,
  path: string,
  isKept: boolean,
  onProgress: (fraction: number) => void,
): Promise<void> {
  const last = weights.entries.at(-1);
  const bytesTotal = last === undefined ? 0 : last.offset + last.bytes;
  const output = await open(path, 'wx');
  try {
    await weights.write(async (bytes, entry) => {
      let written = 0;
      while (written < bytes.length) {
        const result = await output.write(bytes, written, bytes.length - written, entry.offset + written);
        written += result.bytesWritten;
      }
      onProgress((entry.offset + entry.bytes) / bytesTotal);
    });
    if (isKept) await output.sync();
  } finally {
    await output.close();
  }
}
