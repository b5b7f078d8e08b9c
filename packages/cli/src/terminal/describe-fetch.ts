import type { FetchProgress } from '@sluice/worker';
import type { Progress } from '../supervisor/messages.js';

const words = {
  wait: 'waiting for another process that fetches',
  download: 'downloading',
  unpack: 'unpacking',
  verify: 'checking',
  compile: 'compiling',
} as const;

/** A fetch's progress in words for people. */
export function describeFetch({ phase, what, bytesDone, bytesTotal }: FetchProgress): Progress {
  return { phase: `${words[phase]} ${what}`, done: bytesDone, total: bytesTotal };
}
