import { createHash, timingSafeEqual } from 'node:crypto';
import { ServingError } from '@sluice/shared';
import type { FastifyRequest } from 'fastify';
import { anybody, type Caller, checkScope } from '../auth/caller.js';
import type { Gatekeeper } from '../auth/gatekeeper.js';

/** Says who makes an admin call. Rejects with a ServingError `unauthorized` or `forbidden` where they may not. */
export type AdminAccess = (request: FastifyRequest) => Promise<Caller>;

/** Headers that a proxy or a browser adds: then a caller on this machine speaks for somebody else. */
const onBehalf = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via', 'origin'];

/**
 * Callers with the admin key as `Authorization: Bearer`; where callers have credentials, those with the scope `admin`;
 * where nobody has any, callers on this machine, unless a proxy passed the request on or a web page made it. To be on
 * this machine is not enough beside credentials: what forwards connections to a gateway often runs beside it.
 * @param key undefined: there is none.
 */
export function adminAccess(key: string | undefined, gatekeeper: Gatekeeper): AdminAccess {
  return async ({ headers, raw }) => {
    const given = /^bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
    if (given !== undefined && key !== undefined && isSame(given, key)) return anybody;
    if (!gatekeeper.isOpen) {
      const caller = await gatekeeper.identify(headers);
      checkScope(caller, 'admin');
      return caller;
    }
    const isDirect = onBehalf.every((name) => headers[name] === undefined);
    if (isDirect && isLoopback(raw.socket.remoteAddress)) return anybody;
    throw new ServingError('forbidden', 'admin calls are for callers on this machine, or with the admin key');
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
