// Original file: proto/sluice/v1/worker.proto


export interface TokenizeReplyInit {
  'ids'?: (number)[];
  /**
   * The text that messages render to; empty for a text.
   */
  'text'?: (string);
}

export interface TokenizeReply {
  'ids': (number)[];
  /**
   * The text that messages render to; empty for a text.
   */
  'text': (string);
}
