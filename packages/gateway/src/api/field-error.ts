import { ServingError } from '@sluice/shared';
import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/** A caller's error about one field: `field: value bound`, in the caller's own spelling of the field. */
export function fieldError(field: string, problem: string): ServingError {
  return new ServingError('invalid_request', `${field}: ${problem}`, { field });
}

export function unknownField(name: string): ServingError {
  return fieldError(name.slice(0, 100), 'is not a field of this request');
}

/**
 * What zod found wrong with `input`, as the error of its first issue; `prefix` is where `input` lies in the body
 * (`messages[2]`).
 */
export function errorFromIssues(issues: readonly Issue[], input: unknown, prefix = ''): ServingError {
  const issue = deepestIssue(issues);
  if (issue.code === 'unrecognized_keys') {
    return unknownField(fieldName(prefix, [...issue.path, issue.keys[0] ?? '']));
  }
  const field = fieldName(prefix, issue.path);
  const value = valueAt(input, issue.path);
  const problem = value === undefined ? 'is required' : `${preview(value)} ${bound(issue)}`;
  if (field === '') return new ServingError('invalid_request', `the body must be a JSON object, not ${preview(value)}`);
  return fieldError(field, problem);
}

/** A value as an error message may show it: short, on one line, and never walked into. */
export function preview(value: unknown): string {
  if (typeof value === 'string') {
    if (value === '') return 'an empty string';
    return value.length > 40 ? `a string of ${value.length} characters` : JSON.stringify(value);
  }
  if (Array.isArray(value)) {
    if (value.length === 0) return 'an empty array';
    return `an array of ${value.length} ${value.length === 1 ? 'entry' : 'entries'}`;
  }
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}

function bound(issue: Issue): string {
  switch (issue.code) {
    case 'too_small':
      return `must ${issue.inclusive === false ? 'be more than' : has(issue.origin, 'at least')} ${limit(issue.minimum, issue.origin)}`;
    case 'too_big':
      return `must ${issue.inclusive === false ? 'be less than' : has(issue.origin, 'at most')} ${limit(issue.maximum, issue.origin)}`;
    case 'invalid_type':
      return `must be ${article(issue.expected)}`;
    case 'invalid_value':
      return `must be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'invalid_union':
      return `must be ${issue.errors.map((errors) => (errors[0]?.code === 'invalid_type' ? article(errors[0].expected) : 'valid')).join(' or ')}`;
    default:
      return issue.message;
  }
}

function has(origin: string, comparison: string): string {
  return origin === 'string' || origin === 'array' ? `have ${comparison}` : `be ${comparison}`;
}

function limit(value: number | bigint, origin: string): string {
  const unit = origin === 'string' ? ' character' : origin === 'array' ? ' entr' : '';
  if (unit === '') return String(value);
  const one = Number(value) === 1;
  return `${value}${unit}${origin === 'array' ? (one ? 'y' : 'ies') : one ? '' : 's'}`;
}

function article(expected: string): string {
  if (expected === 'int') return 'a whole number';
  if (expected === 'boolean') return 'true or false';
  return `${/^[aeiou]/.test(expected) ? 'an' : 'a'} ${expected}`;
}

/** Of a union's branches the one that got furthest: its complaint is the one that helps. */
function deepestIssue(issues: readonly Issue[]): Issue {
  const issue = issues[0];
  if (issue === undefined) throw new Error('assertion failed: zod refused without an issue');
  if (issue.code !== 'invalid_union') return issue;
  for (const branch of issue.errors) {
    const inner = branch[0];
    if (inner === undefined || (inner.code === 'invalid_type' && inner.path.length === 0)) continue;
    return deepestIssue([{ ...inner, path: [...issue.path, ...inner.path] }]);
  }
  return issue;
}

function fieldName(prefix: string, path: readonly PropertyKey[]): string {
  let name = prefix;
  for (const part of path) {
    if (typeof part === 'number') name += `[${part}]`;
    else name += `${name === '' ? '' : '.'}${String(part).slice(0, 64)}`;
  }
  return name;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}
