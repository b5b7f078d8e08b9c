// Original file: proto/sluice/v1/worker.proto


/**
 * The text in front, then `suffix_token_id` and the text behind, then `middle_token_id`, then the model's answer.
 */
export interface FillInInit {
  'prefixTokenId'?: (number);
  'suffixTokenId'?: (number);
  'middleTokenId'?: (number);
}

/**
 * The text in front, then `suffix_token_id` and the text behind, then `middle_token_id`, then the model's answer.
 */
export interface FillIn {
  'prefixTokenId': (number);
  'suffixTokenId': (number);
  'middleTokenId': (number);
}
