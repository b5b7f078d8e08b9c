import { z } from 'zod';
import { fieldError, preview } from '../api/field-error.js';
import { wellFormedString } from '../api/generation-fields.js';
import { toolName } from './chat-tools.js';
import { TOOLS_MAX } from './tool-use.js';

const callId = wellFormedString.min(1).max(512);

/** `tool_calls` of an assistant's message. */
export const messageCalls = z
  .array(z.unknown())
  .max(TOOLS_MAX)
  .pipe(
    z.array(
      z.strictObject({
        id: callId,
        type: z.literal('function'),
        // JSON as the model wrote it: it may be wrong, and is passed on.
        function: z.strictObject({ name: toolName, arguments: wellFormedString }),
      }),
    ),
  );

/** `tool_call_id` of a tool's message. */
export const messageCallId = callId;

interface Message {
  readonly role: string;
  readonly tool_calls?: readonly { readonly id: string }[] | undefined;
  readonly tool_call_id?: string | undefined;
}

/**
 * Every tool's message has to answer a call of a message in front of it. A call that nobody answers is let be.
 * @throws ServingError `invalid_request` naming the message.
 */
export function checkResults(messages: readonly Message[]): void {
  const ids = new Set<string>();
  for (const [index, { role, tool_calls, tool_call_id }] of messages.entries()) {
    for (const { id } of tool_calls ?? []) ids.add(id);
    if (role !== 'tool') continue;
    const field = `messages[${index}].tool_call_id`;
    if (tool_call_id === undefined) throw fieldError(field, 'is required in a message of the role "tool"');
    if (ids.has(tool_call_id)) continue;
    throw fieldError(
      field,
      `${preview(tool_call_id)} must be the id of a call in tool_calls of a message in front of it`,
    );
  }
}
