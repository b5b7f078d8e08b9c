// Original file: proto/sluice/v1/worker.proto

import type { TokenLogprobInit as _sluice_v1_TokenLogprobInit, TokenLogprob as _sluice_v1_TokenLogprob } from '../../sluice/v1/TokenLogprob.js';

export interface TokenLogprobInit {
  'tokenId'?: (number);
  /**
   * The token's own bytes; may be a part of a character.
   */
  'token'?: (Buffer | Uint8Array | string);
  /**
   * Natural logarithm, of the model's own distribution before temperature and penalties.
   */
  'logprob'?: (number | string);
  'top'?: (_sluice_v1_TokenLogprobInit)[];
}

export interface TokenLogprob {
  'tokenId': (number);
  /**
   * The token's own bytes; may be a part of a character.
   */
  'token': (Buffer);
  /**
   * Natural logarithm, of the model's own distribution before temperature and penalties.
   */
  'logprob': (number);
  'top': (_sluice_v1_TokenLogprob)[];
}
