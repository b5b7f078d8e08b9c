/** What a rule's text is made of, as far as its length goes. */
type Part =
  | { readonly kind: 'text'; readonly characters: number }
  | { readonly kind: 'rule'; readonly name: string }
  | { readonly kind: 'sequence'; readonly parts: readonly Part[] }
  | { readonly kind: 'either'; readonly options: readonly Part[] }
  | { readonly kind: 'repeat'; readonly part: Part; readonly least: number };

/** Those that the library takes seconds to go through, where nothing else can come. */
const CHARACTERS_MAX = 100_000;
const NESTING_MAX = 256;

export interface EndlessRule {
  readonly name: string;
  /** "has no text that …", for a message. */
  readonly problem: string;
  /** Whether it has a text at all. */
  readonly hasText: boolean;
}

/**
 * A rule that texts get out of only behind 100,000 characters, or never (`a ::= "x" a`), or whose groups are nested too
 * deeply to tell; undefined: there is none. The library writes text that has to come until there is a choice, and what has
 * no end would hold the engine for good. Mistakes in the grammar are the library's to find.
 */
export function endlessRule(grammar: string): EndlessRule | undefined {
  const rules = readRules(grammar);
  const reached = reachedFrom('root', rules);
  const shortest = shortestTexts([...reached].reverse(), rules);
  for (const name of reached) {
    const characters = shortest.get(name) ?? Number.POSITIVE_INFINITY;
    if (characters <= CHARACTERS_MAX) continue;
    const hasText = Number.isFinite(characters);
    const problem = `has no text that ${hasText ? `is shorter than ${CHARACTERS_MAX} characters` : 'comes to an end'}`;
    return { name: name.slice(0, 100), problem, hasText };
  }
  return undefined;
}

/** Of each rule the fewest characters; those that have no text are left out. */
function shortestTexts(names: readonly string[], rules: ReadonlyMap<string, Part>): ReadonlyMap<string, number> {
  const known = new Map<string, number>();
  const lengthOf = (part: Part): number => {
    switch (part.kind) {
      case 'text':
        return part.characters;
      case 'rule':
        return rules.has(part.name) ? (known.get(part.name) ?? Number.POSITIVE_INFINITY) : 0;
      case 'sequence':
        return part.parts.reduce((sum, each) => sum + lengthOf(each), 0);
      case 'either':
        return part.options.reduce((least, each) => Math.min(least, lengthOf(each)), Number.POSITIVE_INFINITY);
      case 'repeat':
        return part.least === 0 ? 0 : part.least * lengthOf(part.part);
    }
  };
  for (let order = names, isChanged = true; isChanged; order = order.toReversed()) {
    isChanged = false;
    for (const name of order) {
      const length = lengthOf(rules.get(name)!);
      if (length >= (known.get(name) ?? Number.POSITIVE_INFINITY)) continue;
      known.set(name, length);
      isChanged = true;
    }
  }
  return known;
}

function reachedFrom(root: string, rules: ReadonlyMap<string, Part>): ReadonlySet<string> {
  const reached = new Set(rules.has(root) ? [root] : []);
  const visit = (part: Part): void => {
    if (part.kind === 'rule' && rules.has(part.name)) reached.add(part.name);
    else if (part.kind === 'sequence') part.parts.forEach(visit);
    else if (part.kind === 'either') part.options.forEach(visit);
    else if (part.kind === 'repeat') visit(part.part);
  };
  // What is added meanwhile is visited too.
  for (const name of reached) visit(rules.get(name)!);
  return reached;
}

const TOKENS = /#[^\n]*|"(?:\\[\s\S]|[^"\\])*"|\[(?:\\[\s\S]|[^\]\\])*\]|::=|[A-Za-z_][\w.-]*|\{[^}]*\}|[()|*+?,]/g;

function readRules(grammar: string): ReadonlyMap<string, Part> {
  const tokens = [...grammar.matchAll(TOKENS)].map(([token]) => token).filter((token) => !token.startsWith('#'));
  const rules = new Map<string, Part>();
  for (let at = 0; at < tokens.length; ) {
    if (tokens[at + 1] !== '::=') {
      at += 1;
      continue;
    }
    let end = at + 2;
    while (end < tokens.length && tokens[end + 1] !== '::=') end += 1;
    rules.set(tokens[at]!, new BodyReader(tokens.slice(at + 2, end)).read());
    at = end;
  }
  return rules;
}

const endless: Part = { kind: 'text', characters: Number.POSITIVE_INFINITY };

class BodyReader {
  readonly #tokens: readonly string[];
  #at = 0;
  #isTooDeep = false;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  /** As if it had no end where it is nested too deeply. */
  read(): Part {
    const body = this.#either(0);
    return this.#isTooDeep ? endless : body;
  }

  #either(depth: number): Part {
    const options: Part[] = [];
    let parts: Part[] = [];
    for (let token = this.#next(); token !== undefined && token !== ')'; token = this.#next()) {
      if (token === '|' || token === ',') {
        options.push({ kind: 'sequence', parts });
        parts = [];
      } else if (/^[*?+{]/.test(token)) {
        const part = parts.pop() ?? { kind: 'text', characters: 0 };
        const least = token === '+' ? 1 : Number(/^\{\s*(\d+)/.exec(token)?.[1] ?? 0);
        parts.push({ kind: 'repeat', part, least });
      } else {
        parts.push(this.#part(token, depth));
      }
    }
    options.push({ kind: 'sequence', parts });
    return options.length === 1 ? options[0]! : { kind: 'either', options };
  }

  #next(): string | undefined {
    this.#at += 1;
    return this.#tokens[this.#at - 1];
  }

  #part(token: string, depth: number): Part {
    if (token.startsWith('"')) return { kind: 'text', characters: token.replaceAll(/\\./gs, 'x').length - 2 };
    if (token.startsWith('[')) return { kind: 'text', characters: 1 };
    if (token !== '(') return { kind: 'rule', name: token };
    if (depth >= NESTING_MAX) this.#isTooDeep = true;
    return this.#isTooDeep ? endless : this.#either(depth + 1);
  }
}
