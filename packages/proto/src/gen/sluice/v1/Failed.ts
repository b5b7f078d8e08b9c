// Original file: proto/sluice/v1/worker.proto


/**
 * `code` is a row of the error table in packages/shared; `field` the request field at fault, if one is.
 */
export interface FailedInit {
  'code'?: (string);
  'message'?: (string);
  'field'?: (string);
}

/**
 * `code` is a row of the error table in packages/shared; `field` the request field at fault, if one is.
 */
export interface Failed {
  'code': (string);
  'message': (string);
  'field': (string);
}
