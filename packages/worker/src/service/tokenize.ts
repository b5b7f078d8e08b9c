import type { DetokenizeReplyInit, DetokenizeRequest, TokenizeReplyInit, TokenizeRequest } from '@sluice/proto';
import { parseMessages } from '../text/chat-messages.js';
import { unmarked } from '../text/special-tokens.js';
import { parseTools } from '../text/tools.js';
import { asPrompt, renderChat } from './prompt.js';
import { atMost, invalid, tokenIdBelow } from './ranges.js';
import type { TextPort } from './text-port.js';

const charactersMax = 8 * 1024 * 1024;
const idsMax = 1024 * 1024;

/** @throws ServingError `invalid_request` for an input that is missing, too long, or refused by the chat template. */
export async function tokenize(request: TokenizeRequest, text: TextPort): Promise<TokenizeReplyInit> {
  const { ids, rendered } = await encoded(request, text);
  return {
    ids: [...ids],
    text: unmarked(rendered),
    tokens: request.withTokens ? ids.map((id) => Buffer.from(text.tokenizer.tokenBytes(id, { special: true }))) : [],
  };
}

async function encoded(request: TokenizeRequest, text: TextPort) {
  const { toolsJson, continueFinalMessage: continuesFinal, noTurn, withoutBegin } = request;
  switch (request.input) {
    case 'text': {
      const input = request.text ?? '';
      atMost('text', input.length, charactersMax, 'characters');
      if (toolsJson !== '') throw invalid('tools_json', 'tools_json needs an input of messages_json');
      if (continuesFinal) throw invalid('continue_final_message', 'continue_final_message needs messages_json');
      if (noTurn) throw invalid('no_turn', 'no_turn needs messages_json');
      return { ids: await text.encode(input, { ...asPrompt, begin: !withoutBegin }), rendered: '' };
    }
    case 'messagesJson': {
      const json = request.messagesJson ?? '';
      atMost('messages', json.length, charactersMax, 'characters');
      if (withoutBegin) throw invalid('without_begin', 'without_begin needs an input of text');
      const chat = { tools: parseTools(toolsJson), continuesFinal, isUnopened: noTurn };
      const rendered = renderChat(parseMessages(json), text, chat);
      return { ids: await text.encode(rendered, asPrompt), rendered };
    }
    default:
      throw invalid('input', 'input is missing: one of text and messages_json must be set');
  }
}

/** @throws ServingError `invalid_request` for ids that are too many or not in the vocabulary. */
export function detokenize(request: DetokenizeRequest, text: TextPort): DetokenizeReplyInit {
  atMost('ids', request.ids.length, idsMax, 'ids');
  for (const [index, id] of request.ids.entries()) tokenIdBelow(`ids[${index}]`, id, text.tokenizer.vocabularyCount);
  return { text: text.tokenizer.decode(request.ids) };
}
