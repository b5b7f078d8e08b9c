import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Progress } from './progress.js';

export async function modelFile(model: string | undefined, _progress: Progress): Promise<string> {
  if (model !== undefined && existsSync(model)) return path.resolve(model);
  throw new Error('--model must be a file for now');
}
