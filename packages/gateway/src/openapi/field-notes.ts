/**
 * What is done with each field that works, by its name; one of an endpoint's own comes before that of all. A test sees to
 * it that every field has a note.
 */
export function fieldNote(path: string, field: string): string | undefined {
  const own = notesOfPath[path];
  return own !== undefined && Object.hasOwn(own, field) ? own[field] : notes[field];
}

const notes: Readonly<Record<string, string>> = {
  model: 'A name of `/v1/models`; without it the only model there is.',
  messages: 'The conversation, rendered by the model’s chat template.',
  temperature: '0: always the likeliest token.',
  top_p: 'Only the likeliest tokens that together have this probability.',
  top_k: 'Only this many of the likeliest tokens; 0 and -1: all.',
  min_p: 'Only tokens at least this share as likely as the likeliest.',
  seed: 'The same seed and request give the same answer, whatever else runs.',
  stop: 'Texts at which the answer ends; they are not part of it.',
  presence_penalty: 'Taken off the logit of each token that the answer has.',
  frequency_penalty: 'The same, once for each time that it has it.',
  repetition_penalty: 'Divides the logits of tokens that prompt or answer have; 1: off.',
  logit_bias: 'From token id to what is added to its logit.',
  max_tokens: 'Most tokens of an answer.',
  n: 'Answers to each prompt. They share the prompt’s computation.',
  stream: 'Whether the answer comes as server-sent events.',
  stream_options: '`include_usage`: a last event with the token counts. Only with `stream`.',
  ignore_eos: 'Goes on behind end tokens, up to the limit.',
  user: 'Keeps a user’s requests on one worker under `--routing session`; nothing else.',
  safety_identifier: 'Accepted; changes nothing.',
  prompt_cache_key: 'Accepted; changes nothing: prompts that begin alike are found by themselves.',
  metadata: 'Accepted; changes nothing.',
};

const notesOfPath: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '/v1/chat/completions': {
    max_tokens: 'The older name of `max_completion_tokens`; where both are given they have to be equal.',
    max_completion_tokens: 'Most tokens of an answer; without it, as many as the context leaves.',
    logprobs: 'Whether each token comes with its log-probability.',
    top_logprobs: 'How many of the likeliest tokens come beside each token. Only with `logprobs`.',
  },
  '/v1/completions': {
    prompt: 'A text, its token ids, or a list of such prompts, each answered by choices of its own.',
    max_tokens: 'Most tokens of an answer; 16 where it is absent.',
    logprobs: 'Log-probabilities of each token and of this many of the likeliest.',
  },
  '/v1/embeddings': {
    input: 'A text, its token ids, or a list of such inputs, each a request of its own to a worker.',
    encoding_format: '`float`, or `base64`: 32-bit floats, little-endian.',
    dimensions: 'As many as the model has, and no other number.',
    pooling: 'The mean of all tokens’ hidden states (`mean`, where it is absent), or the last token’s (`last`).',
  },
  '/tokenize': {
    prompt: 'A text. Either this or `messages`.',
    messages: 'A conversation, rendered by the model’s chat template.',
    tools: 'That the template tells the model of. Only with `messages`.',
    add_special_tokens:
      'Whether the token comes first with which the model expects a text to begin. Not with `messages`.',
    return_token_strs: 'Whether the reply spells the tokens too, in `token_strs`.',
    add_generation_prompt: 'Whether the assistant’s turn is opened; false only with `continue_final_message`.',
    continue_final_message: 'The last message, the assistant’s, is the beginning of the answer.',
  },
  '/detokenize': {
    tokens: 'Token ids.',
  },
  '/v1/messages': {
    system: 'What stands in front of the conversation.',
    stop_sequences: 'Texts at which the answer ends; which one is said in `stop_sequence`.',
    metadata: '`user_id` is what `user` is to OpenAI’s endpoints.',
  },
};
