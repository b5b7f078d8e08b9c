import { hermes } from './formats/hermes.js';
import { json } from './formats/json.js';
import { llama3 } from './formats/llama3.js';
import { mistral } from './formats/mistral.js';
import type { ToolFormat } from './tool-format.js';

const formats: ReadonlyMap<string, ToolFormat> = new Map(
  [hermes, llama3, mistral, json].map((format) => [format.name, format]),
);

/** The format that a worker names in `ModelInfo.tool_format`; the generic one for a name that is not known here. */
export function toolFormat(name: string): ToolFormat {
  return formats.get(name) ?? json;
}
