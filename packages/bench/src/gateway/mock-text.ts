/** The model that mocks serve. */
export const MODEL = 'mock';

/** What every request of the load says. */
export const PROMPT = 'Say something that takes a while, in words that cost nothing.';
