import { readFileSync } from 'node:fs';
import os from 'node:os';

/** Lines of /proc/cpuinfo that say what a processor can do, on x86-64 and ARM; its clock and load are others. */
const telling =
  /^(vendor_id|cpu family|model|model name|flags|Features|CPU (implementer|architecture|variant|part))\s*:/;

/**
 * What code for "this processor" depends on, as text: processors for which it is the same run the same code. The system's
 * own list of features counts, since virtual machines on equal processors may have different ones.
 */
export function processorFeatures(): string {
  return [os.platform(), os.arch(), os.cpus()[0]?.model ?? 'unknown', ...tellingLines()].join('\n');
}

/** Whether it multiplies and adds up bytes by fours in one instruction that native/products.h knows. */
export function hasByteProducts(features = processorFeatures()): boolean {
  return /\b(avx512_vnni|avx_vnni)\b/.test(features);
}

/** Whether it multiplies tiles of bytes (AMX). */
export function hasTiles(features = processorFeatures()): boolean {
  return /\bamx_int8\b/.test(features);
}

/** Of the first processor; none where the system has no such file. */
function tellingLines(): readonly string[] {
  try {
    const [first = ''] = readFileSync('/proc/cpuinfo', 'utf8').split(/\n\s*\n/);
    return first.split('\n').filter((line) => telling.test(line));
  } catch {
    return [];
  }
}
