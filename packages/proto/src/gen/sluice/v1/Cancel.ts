// Original file: proto/sluice/v1/worker.proto


export interface CancelInit {
  'id'?: (number);
}

export interface Cancel {
  'id': (number);
}
