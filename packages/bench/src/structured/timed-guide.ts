import type { TokenGuide } from '@sluice/worker';

/** What guides took of the JS thread. */
export interface GuideTimes {
  /** To say which tokens may come: while a pass runs. */
  maskMs: number;
  /** To go on behind a token and to find what has to come: between two passes. */
  betweenMs: number;
  tokens: number;
  forcedTokens: number;
}

/** The same guide, its calls timed. */
export function timedGuide(guide: TokenGuide, times: GuideTimes): TokenGuide {
  return {
    allowed: () => {
      const startMs = performance.now();
      const allowed = guide.allowed();
      times.maskMs += performance.now() - startMs;
      return allowed;
    },
    forced: () => {
      const startMs = performance.now();
      const forced = guide.forced();
      times.betweenMs += performance.now() - startMs;
      return forced;
    },
    accept: (tokenId) => {
      const startMs = performance.now();
      if (guide.forced()[0] === tokenId) times.forcedTokens += 1;
      const isAccepted = guide.accept(tokenId);
      times.betweenMs += performance.now() - startMs;
      times.tokens += 1;
      return isAccepted;
    },
    get isComplete() {
      return guide.isComplete;
    },
    dispose: () => guide.dispose(),
  };
}
