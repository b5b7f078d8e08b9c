// Original file: proto/sluice/v1/worker.proto

import type { TokenIdsInit as _sluice_v1_TokenIdsInit, TokenIds as _sluice_v1_TokenIds } from '../../sluice/v1/TokenIds.js';
import type { SamplingInit as _sluice_v1_SamplingInit, Sampling as _sluice_v1_Sampling } from '../../sluice/v1/Sampling.js';
import type { ServiceTermsInit as _sluice_v1_ServiceTermsInit, ServiceTerms as _sluice_v1_ServiceTerms } from '../../sluice/v1/ServiceTerms.js';
import type { ConstraintInit as _sluice_v1_ConstraintInit, Constraint as _sluice_v1_Constraint } from '../../sluice/v1/Constraint.js';
import type { PoolingInit as _sluice_v1_PoolingInit, Pooling as _sluice_v1_Pooling } from '../../sluice/v1/Pooling.js';

export interface GenerateRequestInit {
  /**
   * For logs on both sides.
   */
  'requestId'?: (string);
  'text'?: (string);
  /**
   * An OpenAI `messages` array as JSON; the worker applies the model's chat template and opens the assistant's turn.
   */
  'messagesJson'?: (string);
  'tokenIds'?: (_sluice_v1_TokenIdsInit | null);
  'sampling'?: (_sluice_v1_SamplingInit | null);
  /**
   * Most tokens to generate, at least 1. 0: as many as the context leaves.
   */
  'tokensMax'?: (number);
  'stopStrings'?: (string)[];
  'stopTokenIds'?: (number)[];
  /**
   * Do not end at the model's end-of-text tokens.
   */
  'ignoreEnd'?: (boolean);
  /**
   * Return the log-probability of each generated token.
   */
  'logprobs'?: (boolean);
  /**
   * With logprobs: how many of the likeliest tokens to list beside it, 0 to 20.
   */
  'logprobsTop'?: (number);
  /**
   * Put the tokens of stop_token_ids and the model's end tokens into the text.
   */
  'includeStop'?: (boolean);
  /**
   * Absent: of normal priority, the worker's objectives, nobody in particular.
   */
  'terms'?: (_sluice_v1_ServiceTermsInit | null);
  /**
   * Tokens that another worker generated before it was lost, fewer than tokens_max, and all of whose text has been
   * delivered. The sequence goes on behind them as if it had never stopped: random numbers, penalties, limits and counts
   * include them, and events carry only what is new.
   */
  'generatedTokenIds'?: (number)[];
  /**
   * An OpenAI `tools` array as JSON, for messages_json: what the chat template tells the model that it may call.
   */
  'toolsJson'?: (string);
  /**
   * Absent: any text.
   */
  'constraint'?: (_sluice_v1_ConstraintInit | null);
  /**
   * Requests of one group (not 0, unique on the stream) have the same prompt: one computes it, the others wait for it and
   * take it over. A hint: each of them is a whole request of its own.
   */
  'group'?: (number);
  /**
   * End tokens and stop tokens cannot come before so many tokens have.
   */
  'tokensMin'?: (number);
  /**
   * Return the log-probability of each token of the prompt, with logprobs_top of the likeliest beside it (logprobs or not).
   */
  'promptLogprobs'?: (boolean);
  /**
   * Set: nothing is generated; the last event carries the prompt's embedding.
   */
  'pooling'?: (_sluice_v1_PoolingInit);
  /**
   * With messages_json: render the last message, an assistant's, as the beginning of the answer and go on behind it.
   */
  'continueFinalMessage'?: (boolean);
  /**
   * Generate nothing: the request ends, with reason length, once its prompt is computed. tokens_max, tokens_min and
   * generated_token_ids must be absent then; the prompt may fill the whole context. Implied by pooling.
   */
  'noGeneration'?: (boolean);
  /**
   * With messages_json: do not open the assistant's turn behind the last message.
   */
  'noTurn'?: (boolean);
  /**
   * Put control tokens into the text as they are spelt, but for those that end it, of which include_stop tells.
   */
  'showControl'?: (boolean);
  'prompt'?: "text"|"messagesJson"|"tokenIds";
}

export interface GenerateRequest {
  /**
   * For logs on both sides.
   */
  'requestId': (string);
  'text'?: (string);
  /**
   * An OpenAI `messages` array as JSON; the worker applies the model's chat template and opens the assistant's turn.
   */
  'messagesJson'?: (string);
  'tokenIds'?: (_sluice_v1_TokenIds | null);
  'sampling': (_sluice_v1_Sampling | null);
  /**
   * Most tokens to generate, at least 1. 0: as many as the context leaves.
   */
  'tokensMax': (number);
  'stopStrings': (string)[];
  'stopTokenIds': (number)[];
  /**
   * Do not end at the model's end-of-text tokens.
   */
  'ignoreEnd': (boolean);
  /**
   * Return the log-probability of each generated token.
   */
  'logprobs': (boolean);
  /**
   * With logprobs: how many of the likeliest tokens to list beside it, 0 to 20.
   */
  'logprobsTop': (number);
  /**
   * Put the tokens of stop_token_ids and the model's end tokens into the text.
   */
  'includeStop': (boolean);
  /**
   * Absent: of normal priority, the worker's objectives, nobody in particular.
   */
  'terms': (_sluice_v1_ServiceTerms | null);
  /**
   * Tokens that another worker generated before it was lost, fewer than tokens_max, and all of whose text has been
   * delivered. The sequence goes on behind them as if it had never stopped: random numbers, penalties, limits and counts
   * include them, and events carry only what is new.
   */
  'generatedTokenIds': (number)[];
  /**
   * An OpenAI `tools` array as JSON, for messages_json: what the chat template tells the model that it may call.
   */
  'toolsJson': (string);
  /**
   * Absent: any text.
   */
  'constraint': (_sluice_v1_Constraint | null);
  /**
   * Requests of one group (not 0, unique on the stream) have the same prompt: one computes it, the others wait for it and
   * take it over. A hint: each of them is a whole request of its own.
   */
  'group': (number);
  /**
   * End tokens and stop tokens cannot come before so many tokens have.
   */
  'tokensMin': (number);
  /**
   * Return the log-probability of each token of the prompt, with logprobs_top of the likeliest beside it (logprobs or not).
   */
  'promptLogprobs': (boolean);
  /**
   * Set: nothing is generated; the last event carries the prompt's embedding.
   */
  'pooling': (_sluice_v1_Pooling);
  /**
   * With messages_json: render the last message, an assistant's, as the beginning of the answer and go on behind it.
   */
  'continueFinalMessage': (boolean);
  /**
   * Generate nothing: the request ends, with reason length, once its prompt is computed. tokens_max, tokens_min and
   * generated_token_ids must be absent then; the prompt may fill the whole context. Implied by pooling.
   */
  'noGeneration': (boolean);
  /**
   * With messages_json: do not open the assistant's turn behind the last message.
   */
  'noTurn': (boolean);
  /**
   * Put control tokens into the text as they are spelt, but for those that end it, of which include_stop tells.
   */
  'showControl': (boolean);
  'prompt'?: "text"|"messagesJson"|"tokenIds";
}
