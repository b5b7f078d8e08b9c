import { exitNow } from '@sluice/ort';
import { HungPass } from '../engine/pass-runner.js';

/** Statuses with which a worker ends itself; whoever looks after it starts it anew. As in sysexits.h: EX_SOFTWARE. */
export const brokenStatus = 70;
/** A forward pass hung and could not be stopped. EX_OSERR. */
export const hungStatus = 71;

/** Ends the process for a reason of {@link EngineParts.onFatal}, with a line that says it. */
export function endProcess(cause: unknown): never {
  process.stderr.write(`sluice: the worker ends itself: ${cause instanceof Error ? cause.message : cause}\n`);
  exitNow(cause instanceof HungPass ? hungStatus : brokenStatus);
}
