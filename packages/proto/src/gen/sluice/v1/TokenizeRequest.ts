// Original file: proto/sluice/v1/worker.proto


export interface TokenizeRequestInit {
  'text'?: (string);
  'messagesJson'?: (string);
  /**
   * As in GenerateRequest.
   */
  'toolsJson'?: (string);
  /**
   * Text only: do not put the token in front with which the model expects a text to begin.
   */
  'withoutBegin'?: (boolean);
  /**
   * As in GenerateRequest.
   */
  'continueFinalMessage'?: (boolean);
  /**
   * Spell the tokens too.
   */
  'withTokens'?: (boolean);
  /**
   * As in GenerateRequest.
   */
  'noTurn'?: (boolean);
  'input'?: "text"|"messagesJson";
}

export interface TokenizeRequest {
  'text'?: (string);
  'messagesJson'?: (string);
  /**
   * As in GenerateRequest.
   */
  'toolsJson': (string);
  /**
   * Text only: do not put the token in front with which the model expects a text to begin.
   */
  'withoutBegin': (boolean);
  /**
   * As in GenerateRequest.
   */
  'continueFinalMessage': (boolean);
  /**
   * Spell the tokens too.
   */
  'withTokens': (boolean);
  /**
   * As in GenerateRequest.
   */
  'noTurn': (boolean);
  'input'?: "text"|"messagesJson";
}
