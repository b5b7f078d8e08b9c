import { ServingError } from '@sluice/shared';
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { z } from 'zod';
import { type Caller, priorityNames, type Scope, scopes, usualTerms } from './caller.js';

export interface TokenRules {
  /** Finds the public key that a token names. */
  readonly keys: JWTVerifyGetKey;
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
}

/** No secret is shared with whoever issues tokens, so that none can be forged with what is known here. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const CLOCK_SKEW_S = 30;

const claimsSchema = z.object({
  sub: z.string().min(1).max(100),
  scope: z.string().max(1_000).optional(),
  sluice_models: z.array(z.string().min(1).max(200)).min(1).max(1_000).optional(),
  sluice_requests_per_minute: z.number().int().min(1).optional(),
  sluice_tokens_per_minute: z.number().int().min(1).optional(),
  sluice_priority_max: z.enum(priorityNames).optional(),
});

/** Whether credentials have the form of a JSON Web Token. */
export function isToken(credentials: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(credentials);
}

/**
 * Who a token names and what it allows: `sub`, `scope` (names with spaces between; those not known here are passed over),
 * `sluice_models`, `sluice_requests_per_minute`, `sluice_tokens_per_minute`, `sluice_priority_max`. It has to expire.
 * @throws (rejects) ServingError `unauthorized` with the reason; what `rules.keys` throws and is not about the token.
 */
export async function verifyToken(
  token: string,
  { keys, issuer, audience }: TokenRules,
  wallMs: number,
): Promise<Caller> {
  let payload: JWTPayload;
  try {
    ({ payload } = await jwtVerify(token, keys, {
      algorithms,
      clockTolerance: CLOCK_SKEW_S,
      currentDate: new Date(wallMs),
      requiredClaims: ['exp', 'sub'],
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
    }));
  } catch (cause) {
    if (!(cause instanceof errors.JOSEError)) throw cause;
    throw new ServingError('unauthorized', `the token was not accepted: ${cause.code}`, { cause });
  }
  const claims = claimsSchema.safeParse(payload);
  if (!claims.success) {
    const { path, message } = claims.error.issues[0]!;
    throw new ServingError('unauthorized', `the token's claim ${path.join('.')} was not accepted: ${message}`);
  }
  return callerOf(claims.data);
}

function callerOf(claims: z.infer<typeof claimsSchema>): Caller {
  const named = claims.scope?.split(' ').filter((name): name is Scope => scopes.some((scope) => scope === name));
  return {
    name: claims.sub,
    scopes: named === undefined ? usualTerms.scopes : new Set(named),
    models: claims.sluice_models === undefined ? undefined : new Set(claims.sluice_models),
    requestsPerMinute: claims.sluice_requests_per_minute,
    tokensPerMinute: claims.sluice_tokens_per_minute,
    priorityMax: claims.sluice_priority_max ?? usualTerms.priorityMax,
  };
}
