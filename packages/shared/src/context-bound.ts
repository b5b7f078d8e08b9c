/** Words that clients look for in the text of an error, LiteLLM among them, to come again with a shorter prompt. */
export function contextBound(contextTokens: number): string {
  return `this model's maximum context length is ${contextTokens} tokens`;
}
