// Original file: proto/sluice/v1/worker.proto


export interface LogitBiasInit {
  'tokenId'?: (number);
  /**
   * Added to the logit, -100 to 100.
   */
  'bias'?: (number | string);
}

export interface LogitBias {
  'tokenId': (number);
  /**
   * Added to the logit, -100 to 100.
   */
  'bias': (number);
}
