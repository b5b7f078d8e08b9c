import type { ModelInfo } from '@sluice/proto';
import { ServingError } from '@sluice/shared';
import { fieldError } from '../api/field-error.js';
import type { GenerationCall } from '../api/generation-call.js';
import { toolConstraint } from './tool-constraint.js';

/**
 * A call with what its tools ask of the model that serves it: how it writes calls, and what holds its answer to them.
 * @throws ServingError `unsupported_parameter` where it is not known how the model writes calls.
 */
export function withModelTools(
  call: GenerationCall,
  { name, toolFormat, hasChatTemplate }: Pick<ModelInfo, 'name' | 'toolFormat' | 'hasChatTemplate'>,
): GenerationCall {
  if (call.tools === undefined) return call;
  if (toolFormat === '' && hasChatTemplate) {
    const problem = `tools: the workers of ${JSON.stringify(name)} do not say how it calls tools`;
    throw new ServingError('unsupported_parameter', problem, { field: 'tools' });
  }
  const asked = call.constraint;
  if (asked?.constraint.structuralTag !== undefined) throw fieldError(asked.field, 'must not come with tools');
  const tools = { ...call.tools, format: toolFormat };
  const constraint = toolConstraint(tools, asked?.constraint);
  return { ...call, tools, constraint: constraint && { field: asked?.field ?? 'tools', constraint } };
}
