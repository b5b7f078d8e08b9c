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
  min_tokens: 'The answer does not end by itself before it has this many tokens.',
  stop_token_ids: 'Tokens at which the answer ends.',
  include_stop_str_in_output: 'Whether the stop text that ended the answer is part of it.',
  skip_special_tokens: 'False: control tokens in the midst of the answer are spelt in its text.',
  prompt_logprobs: 'Log-probabilities of the prompt’s tokens, and of this many of the likeliest at each place.',
  response_format: 'Any text, any JSON object, or JSON that follows a schema.',
  guided_json: 'The answer follows this JSON schema (vLLM’s older name).',
  guided_regex: 'The answer matches this regular expression (vLLM’s older name).',
  guided_choice: 'The answer is one of these texts (vLLM’s older name).',
  guided_grammar: 'The answer follows this grammar, EBNF (vLLM’s older name).',
  structured_outputs: 'One of these forms for the answer, as vLLM has them.',
  tools: 'Functions that the model may call.',
  tool_choice: 'Whether it may, must, or must call this one.',
  parallel_tool_calls: 'Whether an answer may call several.',
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
    continue_final_message: 'The last message, the assistant’s, is the beginning of the answer.',
    add_generation_prompt:
      'Whether a turn of the assistant is opened behind the messages; it is, where this is absent.',
  },
  '/v1/completions': {
    best_of: 'Answers drawn for each prompt, of which the `n` likeliest come back.',
    suffix: 'What the answer leads to; for models that fill in the middle.',
    echo: 'The prompt comes in front of the answer, with its log-probabilities where they are asked for.',
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
  '/v1/messages/count_tokens': {
    system: 'What stands in front of the conversation.',
    output_config: 'Accepted; it has no tokens.',
  },
  '/tokenize': {
    prompt: 'A text. Either this or `messages`.',
    messages: 'A conversation, rendered by the model’s chat template.',
    tools: 'That the template tells the model of. Only with `messages`.',
    add_special_tokens:
      'Whether the token comes first with which the model expects a text to begin. Not with `messages`.',
    return_token_strs: 'Whether the reply spells the tokens too, in `token_strs`.',
    add_generation_prompt: 'Whether the assistant’s turn is opened behind the messages.',
    continue_final_message: 'The last message, the assistant’s, is the beginning of the answer.',
  },
  '/detokenize': {
    tokens: 'Token ids.',
  },
  '/v1/responses': {
    input: 'A text, or items of a conversation.',
    instructions: 'What stands in front of the conversation; not kept for the next response.',
    include: 'Log-probabilities of the answer.',
    max_output_tokens: 'Most tokens of the answer; without it, as many as the context leaves.',
    previous_response_id: 'A kept response that this one goes on behind.',
    store: 'Whether the response is kept; it is where this is absent.',
    stream_options: 'Only with `stream`.',
    text: 'What the text of the answer has to be.',
    top_logprobs: 'How many of the likeliest tokens come beside each token.',
    metadata: 'Comes back with the response.',
  },
  '/v1/responses/input_tokens': {
    input: 'A text, or items of a conversation.',
    instructions: 'What stands in front of the conversation.',
    previous_response_id: 'A kept response that this one would go on behind.',
    text: 'Accepted; it has no tokens.',
  },
  '/v1/messages': {
    system: 'What stands in front of the conversation.',
    stop_sequences: 'Texts at which the answer ends; which one is said in `stop_sequence`.',
    output_config: '`format`: a JSON schema that the answer follows.',
    metadata: '`user_id` is what `user` is to OpenAI’s endpoints.',
  },
};
