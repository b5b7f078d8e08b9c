/** A body for the tiny model, where it goes, and what it is answered with. */
export interface RealBody {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly status: number;
}

const city = {
  type: 'object',
  properties: {
    city: { type: 'string', maxLength: 4 },
    days: { type: 'integer', minimum: 1, maximum: 9 },
    unit: { enum: ['c', 'f'] },
    next: { anyOf: [{ $ref: '#/$defs/Place' }, { type: 'null' }] },
  },
  required: ['city', 'unit'],
  additionalProperties: false,
  $defs: { Place: { type: 'array', items: { type: 'boolean' }, minItems: 1, maxItems: 2 } },
};
const messages = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: [{ type: 'text', text: 'Grüße 😀' }], name: 'me' },
];
const begun = [...messages, { role: 'assistant', content: 'Well,' }];
const called = [
  { role: 'user', content: 'x' },
  {
    role: 'assistant',
    content: null,
    tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
  },
  { role: 'tool', tool_call_id: 'c', content: 'y' },
];
const tools = [{ type: 'function', function: { name: 'f', parameters: city, strict: true } }];
const responseTools = [{ type: 'function', name: 'f', parameters: city, strict: true }];
const sampled = { temperature: 1, seed: 5, max_tokens: 6 };
const asked = [{ role: 'user', content: [{ type: 'input_text', text: 'Hi' }] }];
const structuralTag = JSON.stringify({
  type: 'structural_tag',
  format: {
    type: 'triggered_tags',
    triggers: ['<a>'],
    tags: [{ type: 'tag', begin: '<a>', content: { type: 'json_schema', json_schema: city }, end: '</a>' }],
    at_least_one: true,
    stop_after_first: true,
  },
});

const chats = [
  {
    ...{ ...sampled, messages, n: 2, stream: true, stream_options: { include_usage: true } },
    ...{ logprobs: true, top_logprobs: 2, min_tokens: 2, stop: ['zz'], stop_token_ids: [5], logit_bias: { 5: 1 } },
  },
  { ...sampled, messages, response_format: { type: 'json_schema', json_schema: { name: 'x', schema: city } }, n: 2 },
  { ...sampled, messages, guided_json: JSON.stringify(city), min_tokens: 3, stream: true },
  { ...sampled, messages, guided_regex: '(?:a|b{2,3})*[^x-z]\\d', top_k: 3, stop_token_ids: [98] },
  { ...sampled, messages, guided_choice: ['yes', 'no', 'maybe'], n: 3, min_p: 0.1 },
  { ...sampled, messages, guided_grammar: 'root ::= part+ # one\npart ::= "a" [b-d]{1,2} | "x"\n', stream: true },
  { ...sampled, messages, structured_outputs: { structural_tag: structuralTag } },
  { ...sampled, messages, tools, tool_choice: 'required', stream: true },
  { ...sampled, messages: called, tools, tool_choice: { type: 'function', function: { name: 'f' } }, n: 2 },
  { ...sampled, messages: begun, continue_final_message: true, prompt_logprobs: 2, ignore_eos: true },
];
const completions = [
  { ...sampled, prompt: [[1, 2, 3], 'x'], n: 2, best_of: 3, repetition_penalty: 1.2, presence_penalty: 0.5 },
  { prompt: 'Say it', echo: true, max_tokens: 0, logprobs: 2 },
  { ...sampled, prompt: [1, 2, 3], echo: true, logprobs: 3, prompt_logprobs: 1, min_tokens: 6 },
  { ...sampled, prompt: 'a', structured_outputs: { json: city }, include_stop_str_in_output: true, stop: '"' },
];

/** Over every endpoint that a worker has a part in, nearly all that each takes. The tiny model fills in no middle. */
export const realBodies: readonly RealBody[] = [
  ...chats.map((body) => ({ path: '/v1/chat/completions', body, status: 200 })),
  ...completions.map((body) => ({ path: '/v1/completions', body, status: 200 })),
  { path: '/v1/completions', body: { ...sampled, prompt: 'a', suffix: 'b' }, status: 400 },
  {
    path: '/v1/responses',
    body: { input: asked, max_output_tokens: 6, text: { format: { type: 'json_schema', name: 'x', schema: city } } },
    status: 200,
  },
  {
    path: '/v1/responses',
    body: { input: asked, max_output_tokens: 6, tools: responseTools, tool_choice: 'required', stream: true },
    status: 200,
  },
  {
    path: '/v1/messages',
    body: {
      model: 'tiny',
      max_tokens: 6,
      system: 'Be brief.',
      messages: [{ role: 'user', content: 'Hi' }],
      tools: [{ name: 'f', input_schema: city }],
      tool_choice: { type: 'any', disable_parallel_tool_use: true },
      stop_sequences: ['zz'],
      stream: true,
    },
    status: 200,
  },
  {
    path: '/v1/embeddings',
    body: { input: ['Grüße 😀', [1, 2]], encoding_format: 'base64', pooling: 'last' },
    status: 200,
  },
  { path: '/tokenize', body: { messages, tools, return_token_strs: true }, status: 200 },
  { path: '/tokenize', body: { messages: begun, continue_final_message: true }, status: 200 },
  { path: '/detokenize', body: { tokens: [1, 2, 3] }, status: 200 },
];

/** Members that chance puts into schemas. */
export const schemaStrangers: readonly Readonly<Record<string, unknown>>[] = [
  { not: {} },
  { type: ['integer', 'null'] },
  { type: 'strong' },
  { enum: [] },
  { enum: { a: 1 } },
  { const: { a: [null] } },
  { minimum: 1e308 },
  { minimum: { toString: 1 } },
  { exclusiveMaximum: -0.5 },
  { maxLength: 200 },
  { minItems: 1e9 },
  { uniqueItems: true },
  { pattern: '(a|b)*$' },
  { pattern: '((a{0}){9999}){9999}' },
  { format: { toString: 1 } },
  { format: 'date' },
  { required: [{ toString: 1 }] },
  { required: ['__proto__', 'x'] },
  { required: 5, allOf: [{ required: ['a'] }] },
  { patternProperties: { '^(a+)+$': { type: 'null' } } },
  { properties: { __proto__x: false, '': {} } },
  { $ref: '#' },
  { $ref: '#/$defs/Place' },
  { $ref: { toString: 1 } },
  { anyOf: [{ $ref: '#' }, { type: 'null' }] },
  { oneOf: [{ type: 'integer' }, { type: 'number' }] },
  { allOf: [{ minimum: 'x' }, { minimum: {} }] },
  { items: [{}] },
  { prefixItems: [{ type: 'null' }, false] },
];
