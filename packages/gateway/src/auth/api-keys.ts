import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { errorFromIssues } from '../api/field-error.js';
import { type Caller, priorityNames, scopes, usualTerms } from './caller.js';

/** `sk-sluice-<id>-<secret>`: the id finds the entry, the secret opens it. */
const keyPattern = /^sk-sluice-([0-9a-z]{8})-([0-9A-Za-z_-]{43})$/;

const entrySchema = z.strictObject({
  name: z.string().min(1).max(100),
  id: z.string().regex(/^[0-9a-z]{8}$/, 'must be 8 characters of 0-9 and a-z'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits, the SHA-256 of the whole key'),
  scopes: z.array(z.enum(scopes)).max(scopes.length).optional(),
  models: z.array(z.string().min(1).max(200)).min(1).max(1_000).optional(),
  requestsPerMinute: z.number().int().min(1).max(1_000_000_000).optional(),
  tokensPerMinute: z.number().int().min(1).max(1_000_000_000).optional(),
  priorityMax: z.enum(priorityNames).optional(),
  expires: z.iso.datetime({ offset: true }).optional(),
});

const fileSchema = z.strictObject({ keys: z.array(entrySchema).max(100_000) });

/** One key as the file has it. */
export type KeyEntry = z.infer<typeof entrySchema>;

interface KnownKey {
  readonly hash: Buffer;
  readonly expiresMs: number;
  readonly caller: Caller;
}

/** API keys. Only their SHA-256 is known: they are 256 random bits, which nothing slower than that protects better. */
export class ApiKeys {
  readonly #known: ReadonlyMap<string, KnownKey>;

  /** @throws Error when an id comes twice. */
  constructor(entries: readonly KeyEntry[]) {
    this.#known = new Map(entries.map((entry) => [entry.id, knownKey(entry)]));
    if (this.#known.size < entries.length) throw new Error('two keys have the same id');
  }

  get count(): number {
    return this.#known.size;
  }

  /** Who has this key; undefined when nobody does, or not any more. Takes as long for a wrong secret as for a right one. */
  find(key: string, wallMs: number): Caller | undefined {
    const id = keyPattern.exec(key)?.[1];
    const known = id === undefined ? undefined : this.#known.get(id);
    const isRight = timingSafeEqual(sha256(key), known?.hash ?? nobodysHash);
    return isRight && known !== undefined && wallMs < known.expiresMs ? known.caller : undefined;
  }
}

/**
 * Reads a file of keys: `{"keys": [{"name", "id", "sha256", …}]}`.
 * @throws Error naming the field, its value and its bound.
 */
export function parseKeyFile(text: string): ApiKeys {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new Error(`not JSON: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
  const result = fileSchema.safeParse(parsed);
  if (!result.success) throw errorFromIssues(result.error.issues, parsed);
  return new ApiKeys(result.data.keys);
}

/**
 * A new key, and its entry without name and terms. The key is to be shown once and kept nowhere.
 * @param secret 32 random bytes.
 * @param idBytes 8 more, for what is no secret.
 */
export function makeKey(
  secret: Uint8Array,
  idBytes: Uint8Array,
): { readonly key: string; readonly id: string; readonly sha256: string } {
  const id = Array.from(idBytes, (byte) => (byte % 36).toString(36)).join('');
  const key = `sk-sluice-${id}-${Buffer.from(secret).toString('base64url')}`;
  return { key, id, sha256: sha256(key).toString('hex') };
}

/**
 * One key that is in no file, with the usual terms.
 * @throws Error when it has not the form of a key; the message does not show it.
 */
export function soleKey(key: string, name: string): ApiKeys {
  const id = keyPattern.exec(key)?.[1];
  if (id === undefined) throw new Error(`the key of ${name} has not the form of a key`);
  return new ApiKeys([{ name, id, sha256: sha256(key).toString('hex') }]);
}

function knownKey({ name, sha256: hash, expires, ...terms }: KeyEntry): KnownKey {
  return {
    hash: Buffer.from(hash, 'hex'),
    expiresMs: expires === undefined ? Number.POSITIVE_INFINITY : Date.parse(expires),
    caller: {
      ...usualTerms,
      name,
      scopes: terms.scopes === undefined ? usualTerms.scopes : new Set(terms.scopes),
      models: terms.models === undefined ? undefined : new Set(terms.models),
      requestsPerMinute: terms.requestsPerMinute,
      tokensPerMinute: terms.tokensPerMinute,
      priorityMax: terms.priorityMax ?? usualTerms.priorityMax,
    },
  };
}

const nobodysHash = Buffer.alloc(32);

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
