import { cacheFolder } from '@sluice/shared';
import { describe, it } from 'vitest';
import { chooseKernels } from '../../io/kernels/choose-kernels.js';
import type { Kernels } from '../compile/kernels.js';
import type { LaneModelOptions } from '../lane-model-options.js';

/** Whose operators cases run on, and what a model needs to be given for it. */
export interface KernelsUnderTest {
  readonly kernels: Kernels;
  readonly library: Pick<LaneModelOptions, 'operatorLibrary'>;
}

const runtimeKernels: KernelsUnderTest = { kernels: 'runtime', library: {} };

// The compiler is kept, since sources change more often here than where the product runs.
const own = await chooseKernels('auto', {
  cacheFolder: cacheFolder(),
  env: { ...process.env, SLUICE_KEEP_COMPILER: '1' },
});

// A machine may have no compiler; one that has, and makes nothing of our sources, is not to be passed over.
const isBroken = /: the (compiler|check) (failed|took|was ended)/.test(own.reason);
if (own.kernels === 'runtime' && isBroken) throw new Error(own.reason);

/** Our own; undefined where they cannot be made. */
export const ownKernels: KernelsUnderTest | undefined =
  own.kernels === 'own' ? { kernels: 'own', library: { operatorLibrary: own.libraryPath } } : undefined;

/** For `describe.each`: both kinds, or what there is. */
export const eachKernels: readonly KernelsUnderTest[] =
  ownKernels === undefined ? [runtimeKernels] : [runtimeKernels, ownKernels];

// So that a run says what it has left out, in each file that asks.
if (ownKernels === undefined) describe.skip(`on own kernels: ${own.reason}`, () => it('runs the same cases', () => {}));
