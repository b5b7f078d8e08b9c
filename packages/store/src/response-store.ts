/** What became of a response that was to be kept. */
export type ResponsePut =
  | 'kept'
  /** It has more bytes than one may have; nothing was kept. */
  | 'too_large'
  /** The store is out of reach; nothing was kept, as far as anybody knows. */
  | 'unavailable';

export type ResponseRead =
  | { readonly kind: 'found'; readonly text: string }
  /** Expired, pushed out, removed, never kept, or somebody else's. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'unavailable' };

export type ResponseRemove = 'removed' | 'unknown' | 'unavailable';

/** What is kept for all owners together; expired ones count until room is made for others. */
export interface ResponseUsage {
  readonly count: number;
  /** Bytes of UTF-8. */
  readonly bytes: number;
}

export interface ResponseLimits {
  /** Bytes of UTF-8 that one response may have. Default 8 MiB. */
  readonly responseBytesMax: number;
  /** Bytes of all together; beyond it those kept longest go. Default 64 MiB. */
  readonly bytesMax: number;
  /** Responses that are kept; beyond it those kept longest go. Default 10,000. */
  readonly countMax: number;
  /** Milliseconds that one is kept. Default 86,400,000, a day. */
  readonly expireMs: number;
}

/**
 * Responses that callers may ask for again, or go on behind. A response is its owner's alone: nobody else learns even that
 * it is there.
 *
 * Nothing here throws or waits longer than the store's bound for a command.
 */
export interface ResponseStore {
  /** Keeps a response; one of the same id is replaced. */
  put(id: string, owner: string, text: string): Promise<ResponsePut>;
  read(id: string, owner: string): Promise<ResponseRead>;
  remove(id: string, owner: string): Promise<ResponseRemove>;
  /** Undefined where the store is out of reach. */
  usage(): Promise<ResponseUsage | undefined>;
}

export const defaultResponseLimits: ResponseLimits = {
  responseBytesMax: 8 * 2 ** 20,
  bytesMax: 64 * 2 ** 20,
  countMax: 10_000,
  expireMs: 86_400_000,
};
