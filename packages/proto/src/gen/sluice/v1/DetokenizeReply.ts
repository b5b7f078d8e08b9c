// Original file: proto/sluice/v1/worker.proto


export interface DetokenizeReplyInit {
  'text'?: (string);
}

export interface DetokenizeReply {
  'text': (string);
}
