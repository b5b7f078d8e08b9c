import { describe, expect, it } from 'vitest';
import { callerError } from './worker-error.js';

describe('callerError', () => {
  const call = { tokensMaxField: 'max_completion_tokens' };

  it('names a field as the caller does, in the message too', () => {
    const failed = { code: 'context_length_exceeded', message: 'tokens_max 9 must be at most 4', field: 'tokens_max' };
    expect(callerError(failed, call)).toMatchObject({
      code: 'context_length_exceeded',
      message: 'max_completion_tokens 9 must be at most 4',
      field: 'max_completion_tokens',
    });
  });

  it('calls a prompt of messages what its caller does, whatever the worker says', () => {
    const failed = { code: 'context_length_exceeded', message: 'prompt: 9 tokens must be at most 4', field: 'prompt' };
    const chat = { ...call, prompts: [{ kind: 'messages' as const, json: '[]' }] };
    expect(callerError(failed, chat)).toMatchObject({
      message: 'messages: 9 tokens must be at most 4',
      field: 'messages',
    });
  });

  it('leaves a message without a field as it is', () => {
    const error = callerError({ code: 'queue_full', message: 'full', field: '' }, call);
    expect(error).toMatchObject({ code: 'queue_full', message: 'full', field: undefined });
  });

  it('takes a code that it does not know for a fault of ours', () => {
    expect(callerError({ code: 'toString', message: 'x', field: '' }, call).code).toBe('internal');
  });
});
