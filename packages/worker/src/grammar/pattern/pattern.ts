import type { CodePoints } from './code-points.js';

/** A regular expression that was read; what it matches, and nothing of how. */
export type Pattern =
  | { readonly kind: 'set'; readonly points: CodePoints }
  | { readonly kind: 'sequence'; readonly parts: readonly Pattern[] }
  | { readonly kind: 'either'; readonly options: readonly Pattern[] }
  /** `most` undefined: any number. */
  | { readonly kind: 'repeat'; readonly part: Pattern; readonly least: number; readonly most: number | undefined };

/** One way through the whole expression, and whether it says where the text begins and ends. */
export interface Branch {
  readonly pattern: Pattern;
  readonly fromStart: boolean;
  readonly toEnd: boolean;
}
