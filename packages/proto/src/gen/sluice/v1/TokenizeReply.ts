// Original file: proto/sluice/v1/worker.proto


export interface TokenizeReplyInit {
  'ids'?: (number)[];
  /**
   * The text that messages render to; empty for a text.
   */
  'text'?: (string);
  /**
   * Each token's own bytes, where they were asked for; may be a part of a character.
   */
  'tokens'?: (Buffer | Uint8Array | string)[];
}

export interface TokenizeReply {
  'ids': (number)[];
  /**
   * The text that messages render to; empty for a text.
   */
  'text': (string);
  /**
   * Each token's own bytes, where they were asked for; may be a part of a character.
   */
  'tokens': (Buffer)[];
}
