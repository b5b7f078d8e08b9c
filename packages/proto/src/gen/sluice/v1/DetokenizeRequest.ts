// Original file: proto/sluice/v1/worker.proto


export interface DetokenizeRequestInit {
  'ids'?: (number)[];
}

export interface DetokenizeRequest {
  'ids': (number)[];
}
