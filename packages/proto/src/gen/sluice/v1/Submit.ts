// Original file: proto/sluice/v1/worker.proto

import type { GenerateRequestInit as _sluice_v1_GenerateRequestInit, GenerateRequest as _sluice_v1_GenerateRequest } from '../../sluice/v1/GenerateRequest.js';

export interface SubmitInit {
  /**
   * Chosen by the gateway, unique among its live requests on this stream, from 1 up.
   */
  'id'?: (number);
  'request'?: (_sluice_v1_GenerateRequestInit | null);
}

export interface Submit {
  /**
   * Chosen by the gateway, unique among its live requests on this stream, from 1 up.
   */
  'id': (number);
  'request': (_sluice_v1_GenerateRequest | null);
}
