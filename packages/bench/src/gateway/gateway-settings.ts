import { type BenchFlag, BenchUsageError, type BenchValues, wholeNumber } from '../benchmark.js';

export const subjectNames = ['direct', 'nginx', 'sluice', 'vllm-router', 'smg', 'portkey', 'litellm'] as const;
export type SubjectName = (typeof subjectNames)[number];

export interface GatewaySettings {
  readonly subjects: readonly SubjectName[];
  readonly streams: readonly number[];
  /** Of each stream. */
  readonly tokens: number;
  /** Tokens of all streams together that a second may bring: so many that none of the subjects is at its limit. */
  readonly tokensPerSecondMax: number;
  /** Rounds of each load; the middle one by CPU counts. */
  readonly rounds: number;
  readonly requests: number;
  /** Also kill an engine under streams. */
  readonly kill: boolean;
  readonly quick: boolean;
}

/** What a stream load is paced by; a subject may carry less than the settings ask for. */
export type Pace = Pick<GatewaySettings, 'tokens' | 'tokensPerSecondMax'>;

export const STEP_MS_MIN = 20;
/** Seconds of tokens that a load has at least, because fewer say more of a gateway's start than of its work … */
const LOAD_SECONDS_MIN = 10;
/** … unless it has so many. */
const LOAD_TOKENS_MIN = 40_000;
/** A stream ends and another begins on the same connection, at least once. */
const REQUESTS_PER_STREAM_MIN = 2;

export const gatewayFlags: Readonly<Record<string, BenchFlag>> = {
  subjects: { value: 'LIST', description: `of ${subjectNames.join(', ')} (default all)` },
  streams: {
    value: 'LIST',
    description: 'streams at a time, each 1 to 20000 (default 64,512,2000,5000; quick 64,512)',
  },
  tokens: { value: 'N', description: 'of a stream, 2 to 4096 (default 64)' },
  rate: { value: 'N', description: 'tokens a second of all streams together at most, 100 to 1000000 (default 20000)' },
  rounds: { value: 'N', description: 'of each load; the one in the middle by CPU counts, 1 to 9 (default 3; quick 1)' },
  requests: { value: 'N', description: 'of one token, not streamed, 100 to 1000000 (default 20000; quick 4000)' },
  kill: { description: 'also kill one of two engines under 64 streams, and count what becomes of them' },
};

/** @throws BenchUsageError that names flag, value and bound. */
export function readGatewaySettings(values: BenchValues, quick: boolean): GatewaySettings {
  const text = (flag: string, otherwise: string): string =>
    typeof values[flag] === 'string' ? values[flag] : otherwise;
  const list = (flag: string, otherwise: string): string[] =>
    text(flag, otherwise)
      .split(',')
      .map((part) => part.trim());
  const whole = (flag: string, otherwise: number, min: number, max: number): number =>
    wholeNumber(flag, text(flag, `${otherwise}`), min, max);
  return {
    subjects: [...new Set(list('subjects', subjectNames.join(',')).map(subjectOf))],
    streams: list('streams', quick ? '64,512' : '64,512,2000,5000').map((one) =>
      wholeNumber('streams', one, 1, 20_000),
    ),
    tokens: whole('tokens', 64, 2, 4_096),
    tokensPerSecondMax: whole('rate', 20_000, 100, 1_000_000),
    rounds: whole('rounds', quick ? 1 : 3, 1, 9),
    requests: whole('requests', quick ? 4_000 : 20_000, 100, 1_000_000),
    kill: values.kill === true,
    quick,
  };
}

/** Milliseconds between two tokens of a stream, when so many run: 20, or what keeps the rate. */
export function stepMsOf(streams: number, { tokensPerSecondMax }: Pick<Pace, 'tokensPerSecondMax'>): number {
  return Math.max(STEP_MS_MIN, Math.ceil((streams * 1000) / tokensPerSecondMax));
}

/** Requests, one after the other, of each of so many streams. */
export function requestsPerStream(streams: number, pace: Pace): number {
  const { tokens } = pace;
  const loadTokens = Math.min(LOAD_TOKENS_MIN, (LOAD_SECONDS_MIN * 1000 * streams) / stepMsOf(streams, pace));
  return Math.max(REQUESTS_PER_STREAM_MIN, Math.ceil(loadTokens / (streams * tokens)));
}

function subjectOf(name: string): SubjectName {
  const known = subjectNames.find((one) => one === name);
  if (known !== undefined) return known;
  throw new BenchUsageError(`--subjects ${name} must be of ${subjectNames.join(', ')}`);
}
