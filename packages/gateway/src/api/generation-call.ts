import type { GenerateRequestInit, SamplingInit } from '@sluice/proto';
import { contextBound, ServingError } from '@sluice/shared';
import { type ToolUse, toolsJson } from '../tools/tool-use.js';
import type { AskedConstraint } from './constraint-fields.js';
import { fieldError } from './field-error.js';
import type { ResponseTerms } from './responses/response-terms.js';

/** A prompt as the worker takes it. */
export type Prompt =
  | {
      readonly kind: 'messages';
      readonly json: string;
      /** The caller's own names for the messages, where they were made of something else; absent: `messages[0]` and so on. */
      readonly places?: readonly string[];
    }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tokens'; readonly tokenIds: readonly number[] };

/** What a body asked for once it has been checked: the same for every endpoint that generates text. */
export interface GenerationCall {
  /** Undefined: the only model there is. */
  readonly model: string | undefined;
  /** At least one. */
  readonly prompts: readonly Prompt[];
  /** The caller's own name for them; absent: `prompt`. */
  readonly promptName?: string;
  /** Answers to each prompt, at least 1. */
  readonly samples: number;
  /** Answers that are drawn for each prompt, of which the caller gets the best; at least `samples`. */
  readonly samplesDrawn: number;
  /** 0: as many as the context leaves. */
  readonly tokensMax: number;
  /** The caller's own name for `tokensMax`. */
  readonly tokensMaxField: string;
  /** Without a seed when the caller gave none. */
  readonly sampling: Omit<SamplingInit, 'seed'>;
  readonly seed: number | undefined;
  readonly stopStrings: readonly string[];
  readonly ignoreEnd: boolean;
  readonly stopTokenIds: readonly number[];
  /** Whether what stopped an answer is part of it. */
  readonly includeStop: boolean;
  /** No answer ends before it has so many tokens, unless there is no room. */
  readonly tokensMin: number;
  /** Whether only the prompt is asked for; `tokensMax` is 0 then. */
  readonly generatesNothing: boolean;
  /** Whether an answer begins with its prompt. */
  readonly echo: boolean;
  /** What the answer is to lead to; undefined: anything. */
  readonly suffix: string | undefined;
  /** Whether control tokens in the midst of an answer are part of its text. */
  readonly showsControl: boolean;
  /** Whether the assistant's turn is opened behind messages. */
  readonly opensTurn: boolean;
  /** Whether the last message is the beginning of the answer. */
  readonly continuesFinal: boolean;
  /** What the text has to be; undefined: anything. */
  readonly constraint: AskedConstraint | undefined;
  /** What the model may call; undefined: nothing. */
  readonly tools: ToolUse | undefined;
  /** How many of the likeliest tokens to list beside each token; undefined: no log-probabilities. */
  readonly logprobsTop: number | undefined;
  /** The same for the tokens of the prompt. */
  readonly promptLogprobsTop: number | undefined;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** Each prompt's embedding is wanted, and no text; absent: text. */
  readonly embedding?: EmbeddingWish;
  /** The caller's name for its own user; a session, for routing, where no header names one. */
  readonly user: string | undefined;
  /** Of `POST /v1/responses`: what else its reply needs to know. */
  readonly response?: ResponseTerms;
}

/** What is asked for in the place of text. */
export interface EmbeddingWish {
  /** Of all tokens, or of the last one. */
  readonly pooling: 'mean' | 'last';
  /** Length that the caller expects; undefined: the model's. */
  readonly dimensions: number | undefined;
  readonly isBase64: boolean;
}

/** A call that asks for nothing but an answer, for endpoints to add to. */
export const plainCall = {
  samples: 1,
  samplesDrawn: 1,
  sampling: {
    temperature: 1,
    topP: 1,
    topK: 0,
    minP: 0,
    presencePenalty: 0,
    frequencyPenalty: 0,
    repetitionPenalty: 1,
    logitBias: [],
  },
  seed: undefined,
  stopStrings: [],
  ignoreEnd: false,
  stopTokenIds: [],
  includeStop: false,
  tokensMin: 0,
  generatesNothing: false,
  echo: false,
  suffix: undefined,
  showsControl: false,
  opensTurn: true,
  continuesFinal: false,
  constraint: undefined,
  tools: undefined,
  logprobsTop: undefined,
  promptLogprobsTop: undefined,
  stream: false,
  includeUsage: false,
  user: undefined,
} satisfies Partial<GenerationCall>;

/** What of the serving model a call is checked against; 0 where only its server knows. */
export interface ModelBounds {
  readonly contextTokens: number;
  readonly vocabularyCount: number;
  readonly embeddingLength: number;
}

/**
 * The checks that need the model.
 * @throws ServingError `invalid_request` when a limit or a token id is beyond what the model has,
 * `context_length_exceeded` for token ids that leave no room for an answer; text is counted by the worker.
 */
export function checkAgainstModel(call: GenerationCall, given: ModelBounds): void {
  const { tokensMax, tokensMaxField, prompts, embedding } = call;
  const bounds = {
    contextTokens: given.contextTokens || Number.POSITIVE_INFINITY,
    vocabularyCount: given.vocabularyCount || Number.POSITIVE_INFINITY,
  };
  if (tokensMax > bounds.contextTokens) {
    const bound = `must be at most ${bounds.contextTokens}, the model's context`;
    throw fieldError(tokensMaxField, `${tokensMax} ${bound}`);
  }
  prompts.forEach((prompt, index) => {
    if (prompt.kind !== 'tokens') return;
    const answerTokens = call.generatesNothing ? 0 : 1;
    checkTokens(prompt.tokenIds, promptField(call, index), answerTokens, bounds);
  });
  if (embedding !== undefined && given.embeddingLength === 0) {
    const problem = 'model: its server gives no embeddings';
    throw new ServingError('unsupported_parameter', problem, { field: 'model' });
  }
  if (embedding?.dimensions !== undefined && embedding.dimensions !== given.embeddingLength) {
    const bound = `must be ${given.embeddingLength}, the length of this model's embeddings`;
    throw fieldError('dimensions', `${embedding.dimensions} ${bound}`);
  }
  const stopToken = call.stopTokenIds.findIndex((id) => id >= bounds.vocabularyCount);
  if (stopToken >= 0) {
    const bound = `must be at most ${bounds.vocabularyCount - 1}, the model's last token`;
    throw fieldError(`stop_token_ids[${stopToken}]`, `${call.stopTokenIds[stopToken]} ${bound}`);
  }
  for (const { tokenId = 0 } of call.sampling.logitBias ?? []) {
    if (tokenId < bounds.vocabularyCount) continue;
    const bound = `must be at most ${bounds.vocabularyCount - 1}, the model's last token`;
    throw fieldError('logit_bias', `token ${tokenId} ${bound}`);
  }
}

function checkTokens(
  tokenIds: readonly number[],
  field: string,
  answerTokens: number,
  { contextTokens, vocabularyCount }: Omit<ModelBounds, 'embeddingLength'>,
): void {
  if (tokenIds.length + answerTokens > contextTokens) {
    const bound = `must be at most ${contextTokens - answerTokens}; ${contextBound(contextTokens)}`;
    throw new ServingError('context_length_exceeded', `${field}: ${tokenIds.length} tokens ${bound}`, { field });
  }
  const at = tokenIds.findIndex((id) => id >= vocabularyCount);
  if (at < 0) return;
  const bound = `must be at most ${vocabularyCount - 1}, the model's last token`;
  throw fieldError(`${field}[${at}]`, `${tokenIds[at]} ${bound}`);
}

/** The caller's own name for a prompt. */
export function promptField({ prompts, promptName = 'prompt' }: PromptNames, index: number): string {
  return prompts.length === 1 ? promptName : `${promptName}[${index}]`;
}

type PromptNames = Pick<GenerationCall, 'prompts' | 'promptName'>;

/** What tells the requests of one call apart. */
export interface RequestTerms {
  readonly requestId: string;
  readonly prompt: Prompt;
  readonly seed: number;
  /** Of requests with the same prompt; 0: it is alone. */
  readonly group: number;
}

/** One choice of the call as it goes to a worker. */
export function toGenerateRequest(call: GenerationCall, terms: RequestTerms): GenerateRequestInit {
  const { logprobsTop, promptLogprobsTop = 0 } = call;
  const needsLogprobs = !call.generatesNothing && (logprobsTop !== undefined || call.samplesDrawn > call.samples);
  const promptLogprobs = needsPromptLogprobs(call, terms.prompt);
  return {
    requestId: terms.requestId,
    ...promptOnWire(terms.prompt),
    sampling: { ...call.sampling, seed: terms.seed },
    tokensMax: call.tokensMax,
    stopStrings: [...call.stopStrings],
    ignoreEnd: call.ignoreEnd,
    logprobs: needsLogprobs,
    logprobsTop: Math.max(logprobsTop ?? 0, promptLogprobsTop),
    group: terms.group,
    stopTokenIds: [...call.stopTokenIds],
    includeStop: call.includeStop,
    tokensMin: call.tokensMin,
    noGeneration: call.generatesNothing,
    promptLogprobs,
    showControl: call.showsControl,
    noTurn: !call.opensTurn && !call.continuesFinal,
    continueFinalMessage: call.continuesFinal,
    constraint: call.constraint?.constraint ?? null,
    toolsJson: call.tools === undefined ? '' : toolsJson(call.tools),
    ...(call.embedding === undefined ? {} : { pooling: poolings[call.embedding.pooling] }),
  };
}

/** Only the worker can spell a prompt of token ids. */
function needsPromptLogprobs({ echo, logprobsTop, promptLogprobsTop }: GenerationCall, { kind }: Prompt): boolean {
  return promptLogprobsTop !== undefined || (echo && (logprobsTop !== undefined || kind === 'tokens'));
}

const poolings = { mean: 'POOLING_MEAN', last: 'POOLING_LAST' } as const;

function promptOnWire(prompt: Prompt): Pick<GenerateRequestInit, 'messagesJson' | 'text' | 'tokenIds'> {
  switch (prompt.kind) {
    case 'messages':
      return { messagesJson: prompt.json };
    case 'text':
      return { text: prompt.text };
    case 'tokens':
      return { tokenIds: { ids: prompt.tokenIds as number[] } };
  }
}
