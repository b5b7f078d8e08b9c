import type { EncodeText } from './library-encoder.js';
import { literalPattern, shieldMark } from './special-tokens.js';
import type { TokenizerDefinition } from './tokenizer-definition.js';

/**
 * SentencePiece's BPE with byte fallback, as GGUF files of the Llama 2 and Mistral kind carry it. The adjacent pair whose
 * joined token has the best score is joined first, the leftmost of equals (SentencePiece, src/bpe_model.cc); what is no
 * token is written byte by byte. The space in front is put before each stretch of text between special tokens, as
 * llama.cpp does. O(n log n) in the length of the text.
 */
export function sentencepieceEncoder(definition: TokenizerDefinition, scores: readonly number[]): EncodeText {
  const { tokens, kinds } = definition;
  const idOf = new Map<string, number>();
  const specialIdOf = new Map<string, number>();
  const byteIds: number[] = [];
  let unknownId: number | undefined;
  for (const [id, token] of tokens.entries()) {
    const kind = kinds[id];
    if (kind === 'byte') byteIds[Number.parseInt(token.slice(3, 5), 16)] = id;
    else if (kind === 'control' || kind === 'userDefined') specialIdOf.set(token, id);
    else if (kind === 'unknown') unknownId ??= id;
    else if (kind === 'normal') idOf.set(token, id);
  }
  const literals = [...specialIdOf.keys()];
  const parsing = literalPattern(literals);
  const literal = literalPattern(literals.filter((token) => kinds[specialIdOf.get(token) ?? -1] === 'userDefined'));

  const fallback = (piece: string): number[] => {
    const ids = [...utf8.encode(piece)].map((byte) => byteIds[byte]);
    if (ids.every((id) => id !== undefined)) return ids;
    return unknownId === undefined ? [] : [unknownId];
  };
  const encodeStretch = (text: string): number[] => {
    const plain = text.replaceAll(shieldMark, '');
    if (plain === '') return [];
    const spelt = (definition.addSpacePrefix ? ` ${plain}` : plain).replaceAll(' ', '\u2581');
    return mergePieces([...spelt], idOf, scores).flatMap((piece) => idOf.get(piece) ?? fallback(piece));
  };

  return (text, special) => {
    const pattern = special ? parsing : literal;
    if (!pattern) return encodeStretch(text);
    const ids: number[] = [];
    let end = 0;
    for (const match of text.matchAll(pattern)) {
      for (const id of encodeStretch(text.slice(end, match.index))) ids.push(id);
      ids.push(specialIdOf.get(match[0]) ?? 0);
      end = match.index + match[0].length;
    }
    for (const id of encodeStretch(text.slice(end))) ids.push(id);
    return ids;
  };
}

/** A pair that could be joined: `left` and its neighbour, which together had `length` characters when it was found. */
interface Join {
  readonly score: number;
  readonly left: number;
  readonly right: number;
  readonly length: number;
}

/** Joins neighbours until no pair is a token. `pieces` begins as single characters and is used up. */
function mergePieces(pieces: string[], idOf: ReadonlyMap<string, number>, scores: readonly number[]): string[] {
  // A linked list over positions: a joined piece lives at its leftmost position, the others become empty.
  const next = pieces.map((_, index) => index + 1);
  const previous = pieces.map((_, index) => index - 1);
  const heap: Join[] = [];
  const offer = (left: number, right: number): void => {
    if (left < 0 || right >= pieces.length) return;
    const joined = (pieces[left] ?? '') + (pieces[right] ?? '');
    const id = idOf.get(joined);
    if (id !== undefined) pushHeap(heap, { score: scores[id] ?? 0, left, right, length: joined.length });
  };
  for (let left = 0; left + 1 < pieces.length; left++) offer(left, left + 1);
  for (let best = popHeap(heap); best; best = popHeap(heap)) {
    const left = pieces[best.left] ?? '';
    const right = pieces[best.right] ?? '';
    // One of the two has been joined with something else since.
    if (left === '' || right === '' || left.length + right.length !== best.length) continue;
    pieces[best.left] = left + right;
    pieces[best.right] = '';
    const after = next[best.right] ?? pieces.length;
    next[best.left] = after;
    if (after < pieces.length) previous[after] = best.left;
    offer(previous[best.left] ?? -1, best.left);
    offer(best.left, after);
  }
  return pieces.filter((piece) => piece !== '');
}

function comesBefore(a: Join, b: Join): boolean {
  return a.score > b.score || (a.score === b.score && a.left < b.left);
}

function pushHeap(heap: Join[], join: Join): void {
  let index = heap.length;
  heap.push(join);
  while (index > 0) {
    const parent = (index - 1) >> 1;
    const above = heap[parent];
    if (!above || !comesBefore(join, above)) break;
    heap[index] = above;
    index = parent;
  }
  heap[index] = join;
}

function popHeap(heap: Join[]): Join | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (!last || heap.length === 0) return top;
  let index = 0;
  for (;;) {
    const leftChild = heap[2 * index + 1];
    const rightChild = heap[2 * index + 2];
    if (!leftChild) break;
    const right = rightChild !== undefined && comesBefore(rightChild, leftChild);
    const child = right ? rightChild : leftChild;
    if (!comesBefore(child, last)) break;
    heap[index] = child;
    index = 2 * index + (right ? 2 : 1);
  }
  heap[index] = last;
  return top;
}

const utf8 = new TextEncoder();
