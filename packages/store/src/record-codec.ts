import type { LoadState } from '@sluice/shared';
import { z } from 'zod';
import type { GatewayRecord, WorkerRecord } from './load-store.js';

/** Version of what is written. Fields may be added under it; a change of meaning takes the next number. */
const version = 1;

/** Bytes of a value that is read at all. */
const valueBytesMax = 16_384;

const count = z.number().nonnegative().default(0);
const shortText = z.string().min(1).max(1_024);
/** A value of its own in the store's text form, so no blank may be in it. */
const epochText = z.string().regex(/^\S{1,128}$/);

/** Numbers that an older writer does not know are 0, as in a worker that has not measured yet. */
const loadFields = {
  running: count,
  waiting: count,
  prefillTokensWaiting: count,
  kvTokensUsed: count,
  kvTokensMax: count,
  slotsMax: count,
  prefillTokensPerSecond: count,
  decodeTokensPerSecond: count,
  stepMs: count,
  steps: count,
  stepErrorRatio: count,
  preemptionsCopied: count,
  preemptionsRecomputed: count,
  swapBytesUsed: count,
  hostGapP50Ms: count,
  hostGapP99Ms: count,
  tokensDrafted: count,
  tokensAccepted: count,
} satisfies Record<Exclude<keyof LoadState, 'state'>, typeof count>;

const workerSchema = z.object({
  v: z.literal(version),
  id: shortText,
  address: shortText,
  model: shortText,
  epoch: epochText,
  load: z.object({ state: z.enum(['ready', 'draining']), ...loadFields }),
});

const gatewaySchema = z.object({
  v: z.literal(version),
  id: shortText,
  url: shortText,
  epoch: epochText,
  requestsInFlight: count,
});

/** How a kind of member is written and read. */
export interface RecordCodec<Member> {
  encode(member: Member): string;
  /** Undefined for what is no record, or of a version that is not known here. */
  decode(text: string): Member | undefined;
}

export const workerCodec: RecordCodec<WorkerRecord> = codec(workerSchema);
export const gatewayCodec: RecordCodec<GatewayRecord> = codec(gatewaySchema);

function codec<Member extends object>(schema: z.ZodType<Member & { v: number }>): RecordCodec<Member> {
  return {
    encode: (member) => JSON.stringify({ v: version, ...member }),
    decode: (text) => {
      if (text.length > valueBytesMax) return undefined;
      const parsed = schema.safeParse(parseJson(text));
      if (!parsed.success) return undefined;
      const { v: _, ...member } = parsed.data;
      return member as object as Member;
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
