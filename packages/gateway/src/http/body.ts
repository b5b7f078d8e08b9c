import { isUtf8 } from 'node:buffer';
import { ServingError } from '@sluice/shared';
import type { FastifyRequest } from 'fastify';
import { parseJson } from '../api/json.js';
import { hasManyParts, PARTS_MAX } from './body-parts.js';

export interface BodyLimits {
  /** Largest body that is read, bytes. */
  readonly bytesMax: number;
  /** Counts bytes as they arrive, together with those of other requests; an error when they would be too many. */
  hold(bytes: number): ServingError | undefined;
}

/**
 * The body's bytes. Stops reading, and leaves the rest unread, as soon as there are too many.
 * @throws ServingError `body_too_large`, `queue_full`, or `cancelled` when the client left.
 */
export async function readBody(stream: FastifyRequest['raw'], limits: BodyLimits): Promise<Buffer> {
  const announced = Number(stream.headers['content-length'] ?? 0);
  if (announced > limits.bytesMax) throw tooLarge(`${announced}`, limits.bytesMax);
  return await new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const settle = (): void => {
      stream.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone);
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      const isTooMuch = bytes > limits.bytesMax;
      const refusal = isTooMuch ? tooLarge(`more than ${limits.bytesMax}`, limits.bytesMax) : limits.hold(chunk.length);
      chunks.push(chunk);
      if (refusal === undefined) return;
      settle();
      stream.pause();
      reject(refusal);
    };
    const onEnd = (): void => {
      settle();
      resolve(Buffer.concat(chunks, bytes));
    };
    // Errors and early closes mean the same: nobody is left to answer.
    const onGone = (cause?: unknown): void => {
      settle();
      reject(clientLeft(cause));
    };
    stream.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);
  });
}

/**
 * A body of JSON.
 * @throws ServingError `unsupported_media_type` for another type, `body_too_large` for one that would take long to read,
 * `invalid_request` for what is not UTF-8 or not JSON.
 */
export function parseJsonBody(headers: FastifyRequest['headers'], bytes: Buffer): unknown {
  const contentType = headers['content-type'] ?? '';
  const [mediaType = '', ...parameters] = contentType.toLowerCase().split(';');
  if (mediaType.trim() !== 'application/json') {
    const found = contentType === '' ? 'is missing' : `is ${JSON.stringify(contentType.slice(0, 80))}`;
    throw unsupportedMedia(`the content-type ${found}, it must be application/json`);
  }
  for (const parameter of parameters) {
    if (!/^\s*charset\s*=/.test(parameter) || /=\s*"?(?:utf-?8|us-ascii)"?\s*$/.test(parameter)) continue;
    throw unsupportedMedia(`the content-type's${parameter.slice(0, 80)} must be charset=utf-8`);
  }
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') {
    throw unsupportedMedia(`the content-encoding is ${JSON.stringify(encoding.slice(0, 80))}, it must be identity`);
  }
  if (hasManyParts(bytes)) {
    const problem = `the body must have at most ${PARTS_MAX} objects, arrays and names of fields together`;
    throw new ServingError('body_too_large', problem);
  }
  if (!isUtf8(bytes)) throw new ServingError('invalid_request', 'the body is not valid UTF-8');
  return parseJson(bytes.toString('utf8'));
}

function tooLarge(found: string, bytesMax: number): ServingError {
  return new ServingError('body_too_large', `the body of ${found} bytes must be at most ${bytesMax} bytes`);
}

function unsupportedMedia(message: string): ServingError {
  return new ServingError('unsupported_media_type', message);
}

function clientLeft(cause: unknown): ServingError {
  return new ServingError('cancelled', 'the client left before its body was read', { cause });
}
