/** A message as chat templates know it, which is OpenAI's shape; other APIs' messages are turned into it. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  /** Null where there are calls alone. */
  readonly content: string | null;
  readonly tool_calls?: readonly ChatToolCall[];
  readonly tool_call_id?: string;
}

export interface ChatToolCall {
  readonly id: string;
  readonly type: 'function';
  /** `arguments`: JSON. */
  readonly function: { readonly name: string; readonly arguments: string };
}
