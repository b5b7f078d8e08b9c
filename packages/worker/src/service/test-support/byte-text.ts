import { createChatTemplate } from '../../text/chat-template.js';
import { createTokenizer } from '../../text/tokenizer.js';
import type { TokenizerDefinition } from '../../text/tokenizer-definition.js';
import { createTextPort, type TextPort } from '../text-port.js';

export const spaceTokenId = 256;
export const endTokenId = 258;

const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).padStart(2, '0').toUpperCase()}>`);

const definition: TokenizerDefinition = {
  tokens: [...bytes, '\u2581', '<|im_start|>', '<|im_end|>'],
  kinds: [...bytes.map(() => 'byte' as const), 'normal', 'control', 'control'],
  spelling: 'sentencepiece',
  addSpacePrefix: false,
  beginTokenId: undefined,
  addBegin: false,
  endTokenId,
  endTokenIds: [endTokenId],
  chatTemplate:
    '{% for m in messages %}<|im_start|>{{ m.role }} {{ m.content }}<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant {% endif %}',
  encoder: { kind: 'sentencepiece', scores: new Array<number>(259).fill(0) },
};

/** The real text classes over the smallest vocabulary: a token is a byte, and its id that byte. */
export function byteText(): TextPort {
  const tokenizer = createTokenizer(definition);
  const template = definition.chatTemplate ?? '';
  const chatTemplate = createChatTemplate({ definition, template, shield: tokenizer.shield, wallMs: () => 0 });
  return createTextPort(tokenizer, chatTemplate);
}
