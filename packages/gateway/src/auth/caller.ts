import { ServingError } from '@sluice/shared';
import { preview } from '../api/field-error.js';

/** What a caller may do. */
export const scopes = ['inference', 'models', 'metrics', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** Least urgent first. */
export const priorityNames = ['low', 'normal', 'high'] as const;
export type PriorityName = (typeof priorityNames)[number];

/** Who asks, as far as it matters here. */
export interface Caller {
  /** Whose share of the queue and whose limits; never a secret. Empty: nobody in particular. */
  readonly name: string;
  readonly scopes: ReadonlySet<Scope>;
  /** Undefined: all. */
  readonly models: ReadonlySet<string> | undefined;
  /** Undefined: as many as there is room for. */
  readonly requestsPerMinute: number | undefined;
  /** Of prompts and answers together. */
  readonly tokensPerMinute: number | undefined;
  /** The most urgent class that its requests may have. */
  readonly priorityMax: PriorityName;
}

/** What a caller may do where nothing says otherwise. */
export const usualTerms: Omit<Caller, 'name'> = {
  scopes: new Set(['inference', 'models']),
  models: undefined,
  requestsPerMinute: undefined,
  tokensPerMinute: undefined,
  priorityMax: 'high',
};

/** Everybody, where nobody has to say who they are. */
export const anybody: Caller = { ...usualTerms, name: '', scopes: new Set(['inference', 'models', 'metrics']) };

/** @throws ServingError `forbidden` where the caller lacks the scope. */
export function checkScope(caller: Caller, scope: Scope): void {
  if (caller.scopes.has(scope)) return;
  const has = caller.scopes.size === 0 ? 'none' : [...caller.scopes].join(', ');
  throw new ServingError('forbidden', `this needs the scope ${scope}; the credentials have ${has}`);
}

/** @throws ServingError `forbidden` where the caller may not use the model. */
export function checkModel(caller: Caller, model: string): void {
  if (caller.models === undefined || caller.models.has(model)) return;
  const may = [...caller.models].map((name) => JSON.stringify(name)).join(', ');
  throw new ServingError('forbidden', `model: ${preview(model)} is not allowed with these credentials, only ${may}`, {
    field: 'model',
  });
}

/** @throws ServingError `forbidden` where the caller's requests may not be that urgent. */
export function checkPriority(caller: Caller, priority: PriorityName): void {
  if (priorityNames.indexOf(priority) <= priorityNames.indexOf(caller.priorityMax)) return;
  const problem = `${priority} must be at most ${caller.priorityMax} with these credentials`;
  throw new ServingError('forbidden', `x-sluice-priority: ${problem}`, { field: 'x-sluice-priority' });
}
