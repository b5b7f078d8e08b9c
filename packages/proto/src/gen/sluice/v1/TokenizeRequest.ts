// Original file: proto/sluice/v1/worker.proto


export interface TokenizeRequestInit {
  'text'?: (string);
  'messagesJson'?: (string);
  'input'?: "text"|"messagesJson";
}

export interface TokenizeRequest {
  'text'?: (string);
  'messagesJson'?: (string);
  'input'?: "text"|"messagesJson";
}
