// Original file: proto/sluice/v1/worker.proto


export interface AttachInit {
  'gatewayId'?: (string);
}

export interface Attach {
  'gatewayId': (string);
}
