// Original file: proto/sluice/v1/worker.proto


export interface TokenizeReplyInit {
  'ids'?: (number)[];
}

export interface TokenizeReply {
  'ids': (number)[];
}
