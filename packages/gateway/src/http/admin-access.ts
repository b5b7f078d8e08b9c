import { createHash, timingSafeEqual } from 'node:crypto';
import { ServingError } from '@sluice/shared';
import type { FastifyRequest } from 'fastify';

/** Says whether a request may use the admin calls: an error when not. */
export type AdminAccess = (request: FastifyRequest) => ServingError | undefined;

/** Headers that a proxy or a browser adds: then a caller on this machine speaks for somebody else. */
const onBehalf = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via', 'origin'];

/**
 * Callers on this machine, and callers with the key as `Authorization: Bearer`. A request that a proxy passed on or a
 * web page made needs the key, wherever it comes from.
 * @param key undefined: there is none.
 */
export function adminAccess(key: string | undefined): AdminAccess {
  return ({ headers, raw }) => {
    const given = /^bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
    if (given !== undefined && key !== undefined && isSame(given, key)) return undefined;
    const isDirect = onBehalf.every((name) => headers[name] === undefined);
    if (isDirect && isLoopback(raw.socket.remoteAddress)) return undefined;
    return new ServingError('forbidden', 'admin calls are for callers on this machine, or with the admin key');
  };
}

function isLoopback(address = ''): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address);
}

/** Takes the same time whatever the difference: digests have one length. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
