/** A grammar of so many characters takes seconds to compile. */
const CHARACTERS_MAX = 512 * 1024;
const RULES_MAX = 4_096;

/** More rules, or more text in them, than a grammar may have. */
export class TooManyRules extends Error {
  override readonly name = 'TooManyRules';
}

/** The rules of a grammar that is being written: `r0`, `r1` and so on. */
export class RuleList {
  readonly #bodies: string[] = [];
  #characters = 0;

  /** A new rule; returns its name. @throws TooManyRules as all that follows. */
  rule(body: string): string {
    return this.loop(() => body);
  }

  /** A new rule that may name itself. */
  loop(bodyOf: (name: string) => string): string {
    const name = this.reserve();
    this.fill(name, bodyOf(name));
    return name;
  }

  /** A name for a rule that comes later. */
  reserve(): string {
    if (this.#bodies.length >= RULES_MAX) throw new TooManyRules();
    return `r${this.#bodies.push('""') - 1}`;
  }

  fill(name: string, body: string): void {
    this.#characters += body.length;
    if (this.#characters > CHARACTERS_MAX) throw new TooManyRules();
    this.#bodies[Number(name.slice(1))] = body;
  }

  grammar(root: string): string {
    const rules = this.#bodies.map((body, index) => `r${index} ::= ${body}`);
    return [`root ::= ${root}`, ...rules, ''].join('\n');
  }
}
