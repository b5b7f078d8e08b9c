import { ServingError } from '@sluice/shared';

/** A 64-bit integer is a number while it is exact, else a bigint. Arrays hold one type. */
export type MetadataValue = string | number | bigint | boolean | readonly MetadataValue[];

/**
 * The key-value part of a GGUF file, read through the type that the caller needs. Every reader throws ServingError
 * 'model_unusable' naming file and key when the value has another type; those without `optional` also when the key is
 * missing.
 */
export class Metadata {
  readonly #fileName: string;
  readonly #values: ReadonlyMap<string, MetadataValue>;

  constructor(fileName: string, values: ReadonlyMap<string, MetadataValue>) {
    this.#fileName = fileName;
    this.#values = values;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  keys(): string[] {
    return [...this.#values.keys()];
  }

  string(key: string): string {
    return this.#present(key, this.optionalString(key));
  }

  optionalString(key: string): string | undefined {
    return this.#typed(key, 'a string', isString);
  }

  number(key: string): number {
    return this.#present(key, this.optionalNumber(key));
  }

  optionalNumber(key: string): number | undefined {
    return this.#typed(key, 'a number', isNumber);
  }

  boolean(key: string): boolean {
    return this.#present(key, this.optionalBoolean(key));
  }

  optionalBoolean(key: string): boolean | undefined {
    return this.#typed(key, 'a boolean', isBoolean);
  }

  strings(key: string): readonly string[] {
    return this.#present(key, this.optionalStrings(key));
  }

  optionalStrings(key: string): readonly string[] | undefined {
    return this.#typed(key, 'a list of strings', isListOf(isString));
  }

  numbers(key: string): readonly number[] {
    return this.#present(key, this.optionalNumbers(key));
  }

  optionalNumbers(key: string): readonly number[] | undefined {
    return this.#typed(key, 'a list of numbers', isListOf(isNumber));
  }

  #present<T>(key: string, value: T | undefined): T {
    if (value !== undefined) return value;
    throw new ServingError('model_unusable', `${this.#fileName} has no metadata key "${key}"`);
  }

  #typed<T extends MetadataValue>(
    key: string,
    wanted: string,
    is: (value: MetadataValue) => value is T,
  ): T | undefined {
    const value = this.#values.get(key);
    if (value === undefined || is(value)) return value;
    throw new ServingError(
      'model_unusable',
      `${this.#fileName}: metadata key "${key}" must be ${wanted}, not ${describe(value)}`,
    );
  }
}

function isString(value: MetadataValue): value is string {
  return typeof value === 'string';
}

function isNumber(value: MetadataValue): value is number {
  return typeof value === 'number';
}

function isBoolean(value: MetadataValue): value is boolean {
  return typeof value === 'boolean';
}

function isListOf<T extends MetadataValue>(is: (value: MetadataValue) => value is T) {
  return (value: MetadataValue): value is readonly T[] => Array.isArray(value) && value.every((item) => is(item));
}

function describe(value: MetadataValue): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${typeof value[0]}s`;
  return typeof value === 'string' ? 'a string' : `${String(value)}`;
}
