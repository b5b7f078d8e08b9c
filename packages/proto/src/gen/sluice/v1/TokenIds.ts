// Original file: proto/sluice/v1/worker.proto


export interface TokenIdsInit {
  'ids'?: (number)[];
}

export interface TokenIds {
  'ids': (number)[];
}
