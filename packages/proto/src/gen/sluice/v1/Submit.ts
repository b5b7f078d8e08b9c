// Original file: proto/sluice/v1/worker.proto

import type { GenerateRequestInit as _sluice_v1_GenerateRequestInit, GenerateRequest as _sluice_v1_GenerateRequest } from '../../sluice/v1/GenerateRequest.js';

export interface SubmitInit {
  /**
   * Chosen by the gateway, unique among its live requests on this stream, from 1 up. A submit that is wrong fails its id
   * and leaves the stream as it is; an id that is used twice fails both requests.
   */
  'id'?: (number);
  'request'?: (_sluice_v1_GenerateRequestInit | null);
}

export interface Submit {
  /**
   * Chosen by the gateway, unique among its live requests on this stream, from 1 up. A submit that is wrong fails its id
   * and leaves the stream as it is; an id that is used twice fails both requests.
   */
  'id': (number);
  'request': (_sluice_v1_GenerateRequest | null);
}
