import type { TokenizerDefinition } from './tokenizer-definition.js';
import { callMarks } from './tool-format.js';

const noBytes = new Uint8Array(0);

/** The bytes and, where they are whole characters, the text of each token; O(1) a look-up, nothing is computed twice. */
export class Vocabulary {
  readonly count: number;
  readonly #definition: TokenizerDefinition;
  /** Bytes of every token, one after the other; token `id` is [starts[id], starts[id + 1]). */
  readonly #bytes: Uint8Array;
  readonly #starts: Uint32Array;
  /** Null: not text by itself. Undefined: not asked for yet. */
  readonly #texts: (string | null | undefined)[];

  constructor(definition: TokenizerDefinition) {
    const { tokens } = definition;
    this.#definition = definition;
    this.count = tokens.length;
    this.#texts = new Array<string | null | undefined>(tokens.length).fill(undefined);
    this.#starts = new Uint32Array(tokens.length + 1);
    const parts = tokens.map((_, id) => bytesOf(definition, id));
    for (const [id, part] of parts.entries()) this.#starts[id + 1] = (this.#starts[id] ?? 0) + part.length;
    this.#bytes = new Uint8Array(this.#starts[tokens.length] ?? 0);
    for (const [id, part] of parts.entries()) this.#bytes.set(part, this.#starts[id]);
  }

  /** Whether a token steers the model instead of standing for text. Marks of calls are to be read, so they are text. */
  isControl(id: number): boolean {
    if (callMarks.has(this.#definition.tokens[id] ?? '')) return false;
    const kind = this.#definition.kinds[id];
    return kind === 'control' || kind === 'unknown' || kind === 'unused' || kind === undefined;
  }

  /** The bytes of a token, a view not to be written to; of a control token its spelling; empty beyond the vocabulary. */
  bytes(id: number): Uint8Array {
    const start = this.#starts[id];
    const end = this.#starts[id + 1];
    return start === undefined || end === undefined ? noBytes : this.#bytes.subarray(start, end);
  }

  /** The token as text if its bytes are whole characters, else null. */
  text(id: number): string | null {
    const known = this.#texts[id];
    if (known !== undefined) return known;
    const bytes = this.bytes(id);
    let text: string | null = null;
    try {
      text = strict.decode(bytes);
    } catch {
      // A part of a character: only its neighbours make it text.
    }
    if (id >= 0 && id < this.count) this.#texts[id] = text;
    return text;
  }
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const utf8 = new TextEncoder();

function bytesOf({ tokens, kinds, spelling }: TokenizerDefinition, id: number): Uint8Array {
  const token = tokens[id] ?? '';
  const kind = kinds[id];
  if (kind === 'byte') return Uint8Array.of(Number.parseInt(token.slice(3, 5), 16));
  if (kind !== 'normal') return utf8.encode(token);
  return spelling === 'byte-level' ? byteLevelBytes(token) : utf8.encode(token.replaceAll('\u2581', ' '));
}

function byteLevelBytes(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let index = 0; index < token.length; index++) {
    const byte = byteOfCharacter.get(token.charCodeAt(index));
    // A token that is not spelt byte by byte stands for itself.
    if (byte === undefined) return utf8.encode(token);
    bytes[index] = byte;
  }
  return bytes;
}

/**
 * GPT-2's spelling of bytes (openai/gpt-2, encoder.py): printable Latin-1 characters stand for themselves, the others, in
 * order, for U+0100 and up.
 */
const byteOfCharacter: ReadonlyMap<number, number> = (() => {
  const map = new Map<number, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    map.set(printable ? byte : next++, byte);
  }
  return map;
})();
