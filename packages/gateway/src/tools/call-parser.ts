import { unreachable } from '@sluice/shared';
import { type CallHead, readNamedHead, readObjectHead, readRest } from './call-head.js';
import { BracketScanner, isSpace, MORE, NO, readLiteral, skipSpace } from './json-scan.js';
import type { ToolFormat } from './tool-format.js';

/** What an answer is made of. `index`: of a call in its answer, from 0. */
export type ParsedPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'call'; readonly index: number; readonly name: string }
  | { readonly kind: 'arguments'; readonly index: number; readonly text: string };

/** Which calls count; anything else that looks like one is text. */
export interface CallRules {
  readonly names: ReadonlySet<string>;
  /** Most calls of one answer. */
  readonly callsMax: number;
}

/** Characters that are looked at again as more come, until they are a call or text. A name and its like are shorter. */
const heldMax = 16_384;

/**
 * Where the parser is.
 * text → arguments (a call's head was read) → rest (its arguments have ended) → behind (its object has ended) → text.
 */
type Place =
  | { readonly at: 'text' }
  | { readonly at: 'arguments'; readonly isMember: boolean; readonly scanner: BracketScanner }
  | { readonly at: 'rest' }
  | { readonly at: 'behind' };

/**
 * Finds calls in an answer that comes in pieces. What it gives, joined, does not depend on where the pieces were cut: it
 * holds back what more text could still make a call, and nothing else. Arguments pass as the model wrote them, from their
 * first brace on. What turns out to be no call is text, to the last character; white space and separators between calls,
 * and between text and a call, are dropped.
 */
export class CallParser {
  readonly #format: ToolFormat;
  readonly #rules: CallRules;
  #place: Place = { at: 'text' };
  /** Has come and is not decided. */
  #held = '';
  /** Up to here nothing in `#held` begins a call. */
  #searched = 0;
  /** Nothing but white space is in front of `#held` on its line. */
  #isLineBlank = true;
  /** Nothing is between a call and `#held`. */
  #isBehindCall = false;
  /** Whether the call that was read last stands in a list. */
  #isInList = false;
  #calls = 0;
  #parts: ParsedPart[] = [];

  constructor(format: ToolFormat, rules: CallRules) {
    this.#format = format;
    this.#rules = rules;
  }

  /** Calls that have begun. */
  get calls(): number {
    return this.#calls;
  }

  /** The parts that `text` decides; often none. */
  push(text: string): readonly ParsedPart[] {
    this.#held += text;
    while (this.#step());
    return this.#taken();
  }

  /** No more text comes. */
  end(): readonly ParsedPart[] {
    const isRest = this.#place.at === 'rest' || this.#place.at === 'behind';
    if (isRest ? !this.#closesCall(this.#held) : !this.#separates(this.#held)) this.#pass(this.#held.length);
    this.#held = '';
    return this.#taken();
  }

  #taken(): readonly ParsedPart[] {
    const parts = this.#parts;
    this.#parts = [];
    return parts;
  }

  /** False when it takes more text to go on. */
  #step(): boolean {
    const place = this.#place;
    switch (place.at) {
      case 'text':
        return this.#findCall();
      case 'arguments':
        return this.#passArguments(place);
      case 'rest':
        return this.#skipRest();
      case 'behind':
        return this.#skipClosers();
      default:
        return unreachable(place);
    }
  }

  #findCall(): boolean {
    const mayCall = this.#calls < this.#rules.callsMax;
    const at = mayCall ? this.#candidate() : this.#held.length;
    const head = at < this.#held.length ? this.#headAt(at) : MORE;
    if (head === NO) {
      this.#searched = at + 1;
      return true;
    }
    this.#searched = at;
    if (!this.#separates(this.#held.slice(0, at))) this.#pass(mayCall ? spaceStart(this.#held, at) : at);
    if (head === MORE) return false;
    this.#begin(head);
    return true;
  }

  /** Where a call might begin; the end of what is held where none might. */
  #candidate(): number {
    for (let at = this.#searched; at < this.#held.length; at++) {
      const isBracket = this.#held[at] === '{' || this.#held[at] === '[';
      if (isBracket && this.#mayBeBare(at)) return at;
      if (this.#format.openers.some((opener) => readLiteral(this.#held, at, opener) !== NO)) return at;
    }
    return this.#held.length;
  }

  #mayBeBare(at: number): boolean {
    if (this.#separates(this.#held.slice(0, at))) return true;
    if (!this.#format.isBare) return false;
    const lineAt = this.#held.lastIndexOf('\n', at - 1) + 1;
    return (lineAt > 0 || this.#isLineBlank) && spaceStart(this.#held, at) <= lineAt;
  }

  /** Offsets count from the beginning of what is held, so that text in front of the call can be passed on first. */
  #headAt(at: number): OpenedHead | typeof MORE | typeof NO {
    const opener = this.#openerAt(at);
    if (opener === MORE) return MORE;
    let bodyAt = skipSpace(this.#held, at + opener.length);
    const isInList = this.#held[bodyAt] === '[';
    if (isInList) bodyAt = skipSpace(this.#held, bodyAt + 1);
    if (bodyAt === this.#held.length) return MORE;
    const mayBeNamed = this.#format.isNamed && opener !== '' && !isInList;
    const head =
      mayBeNamed && this.#held[bodyAt] !== '{' ? readNamedHead(this.#held, bodyAt) : this.#objectHeadAt(bodyAt);
    if (head === MORE) return MORE;
    if (head === NO || !this.#rules.names.has(head.name)) return NO;
    return { ...head, isInList, restLength: this.#held.length - head.at };
  }

  #objectHeadAt(at: number): CallHead | typeof MORE | typeof NO {
    const head = readObjectHead(this.#held, at, this.#rules.names);
    const end = typeof head === 'number' ? this.#held.length : head.at;
    return head !== NO && end - at > heldMax ? NO : head;
  }

  #openerAt(at: number): string | typeof MORE {
    for (const opener of this.#format.openers) {
      const end = readLiteral(this.#held, at, opener);
      if (end === MORE) return MORE;
      if (end !== NO) return opener;
    }
    return '';
  }

  #begin(head: OpenedHead): void {
    const index = this.#calls;
    this.#calls += 1;
    this.#isInList = head.isInList;
    this.#take(this.#held.length - head.restLength);
    this.#parts.push({ kind: 'call', index, name: head.name });
    if (head.kind === 'whole') {
      this.#parts.push({ kind: 'arguments', index, text: head.arguments });
      this.#place = { at: 'behind' };
    } else {
      this.#place = { at: 'arguments', isMember: head.isMember, scanner: new BracketScanner() };
    }
  }

  #passArguments({ isMember, scanner }: Extract<Place, { at: 'arguments' }>): boolean {
    const end = scanner.push(this.#held);
    const text = end === MORE ? this.#held : this.#held.slice(0, end);
    if (text !== '') this.#parts.push({ kind: 'arguments', index: this.#calls - 1, text });
    this.#take(text.length);
    if (end !== MORE) this.#place = isMember ? { at: 'rest' } : { at: 'behind' };
    return end !== MORE;
  }

  #skipRest(): boolean {
    const end = readRest(this.#held, 0);
    const isTooLong = (end === MORE ? this.#held.length : end) > heldMax;
    if (end === MORE && !isTooLong) return false;
    if (end === NO || isTooLong) {
      this.#leaveCall();
    } else {
      this.#take(end);
      this.#place = { at: 'behind' };
    }
    return true;
  }

  #skipClosers(): boolean {
    const at = skipSpace(this.#held, 0);
    if (at === this.#held.length) return false;
    if (this.#isInList) return this.#skipInList(at);
    for (const closer of this.#format.closers) {
      const end = readLiteral(this.#held, at, closer);
      if (end === MORE) return false;
      if (end === NO) continue;
      this.#take(end);
      break;
    }
    this.#leaveCall();
    return true;
  }

  /** To the next call of a list, or behind the list. */
  #skipInList(at: number): boolean {
    if (this.#held[at] === ']') {
      this.#take(at + 1);
      this.#isInList = false;
      return true;
    }
    const nextAt = skipSpace(this.#held, at + 1);
    if (this.#held[at] === ',' && nextAt === this.#held.length) return false;
    const head = this.#held[at] === ',' ? this.#objectHeadAt(nextAt) : NO;
    if (head === MORE) return false;
    if (head !== NO && this.#rules.names.has(head.name) && this.#calls < this.#rules.callsMax) {
      this.#begin({ ...head, isInList: true, restLength: this.#held.length - head.at });
    } else {
      this.#isInList = false;
      this.#leaveCall();
    }
    return true;
  }

  #leaveCall(): void {
    this.#place = { at: 'text' };
    this.#isBehindCall = true;
    this.#isLineBlank = true;
    this.#searched = 0;
  }

  /** Whether `text`, the beginning of what is held, only keeps two calls apart. */
  #separates(text: string): boolean {
    return this.#isBehindCall && /^[\s,;]*$/.test(text);
  }

  /** Whether `text` is what is left of a call that was cut behind its arguments. */
  #closesCall(text: string): boolean {
    const rest = text.replace(/^[\s,;}\]]*/, '');
    return rest === '' || this.#format.closers.some((closer) => closer.startsWith(rest));
  }

  /** Gives the first `length` characters as text. */
  #pass(length: number): void {
    if (length === 0) return;
    const text = this.#take(length);
    this.#parts.push({ kind: 'text', text });
    const lineAt = text.lastIndexOf('\n') + 1;
    this.#isLineBlank = (lineAt > 0 || this.#isLineBlank) && text.slice(lineAt).trim() === '';
    this.#isBehindCall = false;
  }

  #take(length: number): string {
    const text = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    this.#searched = Math.max(0, this.#searched - length);
    return text;
  }
}

/** A head with what is around it. `restLength`: characters held from where the head ends, arguments included. */
type OpenedHead = CallHead & { readonly isInList: boolean; readonly restLength: number };

/** Offset of the white space that ends at `end`. */
function spaceStart(text: string, end: number): number {
  let start = end;
  while (start > 0 && isSpace(text.charCodeAt(start - 1))) start -= 1;
  return start;
}
