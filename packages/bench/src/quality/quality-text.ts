import { conversations } from './texts/conversations.js';
import { encyclopaedia } from './texts/encyclopaedia.js';
import { instructions } from './texts/instructions.js';
import { languages } from './texts/languages.js';
import { letters } from './texts/letters.js';
import { programs } from './texts/programs.js';
import { records } from './texts/records.js';
import { tale } from './texts/tale.js';

/** The first 1,700 tokens of {@link qualityText}: plain prose. */
export const shortQualityText = tale;

/**
 * What `sluice bench quality` reads unless it is given a text: about 13,900 tokens of many kinds, written for it and for
 * nothing else. No model was calibrated on a part of it.
 */
export const qualityText = [
  tale,
  encyclopaedia,
  conversations,
  programs,
  instructions,
  letters,
  languages,
  records,
].join('\n');
