// Original file: proto/sluice/v1/worker.proto


export interface AcceptedInit {
  'promptTokens'?: (number);
}

export interface Accepted {
  'promptTokens': (number);
}
