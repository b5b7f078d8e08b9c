import { type FakeRun, finished } from './fake-worker.js';

/** A worker's script that writes `text`, five characters a token, and ends. */
export function writeText(text: string, reason: Parameters<typeof finished>[0] = 'FINISH_REASON_STOP') {
  return (run: FakeRun): void => {
    run.send({ accepted: { promptTokens: 7 } });
    const pieces = text.match(/.{1,5}/gs) ?? [];
    for (const [index, piece] of pieces.entries()) run.send({ tokenIds: [index], text: piece });
    run.send({ finished: finished(reason, pieces.length) });
  };
}
