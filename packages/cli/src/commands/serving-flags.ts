import type { RoutingName } from '@sluice/gateway';
import type { ExecutorMode, KernelWish, KvWish, PinMode, PolicyName, SpeculationMode } from '@sluice/worker';
import { type Command, Option } from 'commander';
import { oneOf, text, wholeNumber, word } from '../flags.js';

export const defaultModel = 'smollm2-135m';
export const defaultHost = '127.0.0.1';
export const defaultPort = 8000;

/** As the worker knows them, without loading it for a look at the help. */
export const schedulers = [
  'slo',
  'sarathi',
  'prefill-first',
  'iteration-level',
  'request-level',
  'hybrid-only',
  'chunk-only',
  'mlfq',
  'sjf',
  'vtc',
] as const satisfies readonly PolicyName[];

/** As the gateway knows them, likewise. */
export const routings = [
  'ttft',
  'round-robin',
  'random',
  'least-requests',
  'power-of-two',
  'least-load',
  'session',
  'prefix',
] as const satisfies readonly RoutingName[];

/** How long running requests may go on when a server is told to stop, in milliseconds. */
export const drainMs = 20_000;

/** The flags by which a worker's model and size are chosen; `up` and `worker` share them. */
export interface ModelFlags {
  readonly model: string;
  readonly threads?: number;
  readonly context?: number;
  readonly slots?: number;
  readonly prefixCache: 'on' | 'off';
  readonly scheduler: PolicyName;
  readonly ttftMs: number;
  readonly tbtMs: number;
  readonly tokenBudget?: number;
  readonly weights: 'auto' | 'w8a8' | 'q8' | 'q4' | 'f32';
  readonly kernels: KernelWish;
  readonly kv: KvWish;
  readonly executors: ExecutorMode;
  readonly pin: PinMode;
  readonly speculation: SpeculationMode;
  readonly jumpForward: 'on' | 'off';
  readonly swapMb?: number;
}

export function addModelFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--model <name>', 'short name, hub id org/repo[:file], or path of a GGUF file')
        .default(defaultModel)
        .argParser(text('--model')),
    )
    .addOption(
      new Option('--threads <n>', 'compute threads of a worker (default: the CPUs there are, shared evenly)').argParser(
        wholeNumber('--threads', 1, 1024),
      ),
    )
    .addOption(
      new Option(
        '--context <tokens>',
        "most tokens of prompt and answer together (default: 4096, or the model's own if less)",
      ).argParser(wholeNumber('--context', 16, 1_048_576)),
    )
    .addOption(
      new Option('--slots <n>', 'requests that a worker runs side by side (default: 64)').argParser(
        wholeNumber('--slots', 1, 1024),
      ),
    )
    .addOption(
      new Option('--prefix-cache <state>', 'keep prompts for later ones that begin alike: on or off')
        .default('on')
        .argParser(oneOf('--prefix-cache', ['on', 'off'])),
    )
    .addOption(
      new Option('--scheduler <name>', `which requests a step works on: ${schedulers.join(', ')}`)
        .default('slo')
        .argParser(oneOf('--scheduler', schedulers)),
    )
    .addOption(
      new Option('--ttft-ms <ms>', 'objective: milliseconds to the first token, where a request names none')
        .default(5_000)
        .argParser(wholeNumber('--ttft-ms', 1, 3_600_000)),
    )
    .addOption(
      new Option('--tbt-ms <ms>', 'objective: milliseconds between two tokens, where a request names none')
        .default(200)
        .argParser(wholeNumber('--tbt-ms', 1, 3_600_000)),
    )
    .addOption(
      new Option(
        '--token-budget <n>',
        'tokens of a step, for schedulers with a fixed budget (default: --slots and 64)',
      ).argParser(wholeNumber('--token-budget', 17, 65_536)),
    )
    .addOption(
      new Option(
        '--weights <kind>',
        'arithmetic of linear layers: auto (w8a8 where that is faster, else q8), w8a8, q8, q4 or f32',
      )
        .default('auto')
        .argParser(oneOf('--weights', ['auto', 'w8a8', 'q8', 'q4', 'f32'])),
    )
    .addOption(kernelsOption())
    .addOption(
      new Option(
        '--kv <kind>',
        'keys and values: auto (q8 or f16 with own kernels, else f32), f32, f16 (half of the memory), or q8 (about a quarter)',
      )
        .default('auto')
        .argParser(oneOf('--kv', ['auto', 'f32', 'f16', 'q8'])),
    )
    .addOption(
      new Option(
        '--executors <kind>',
        'who computes a pass: wide (all threads together), narrow (several side by side), or auto (what is found quicker)',
      )
        .default('auto')
        .argParser(oneOf('--executors', ['auto', 'wide', 'narrow'])),
    )
    .addOption(
      new Option(
        '--pin <kind>',
        'bind compute threads to processors: auto (where a worker has as many as it may run on) or off',
      )
        .default('auto')
        .argParser(oneOf('--pin', ['auto', 'off'])),
    )
    .addOption(
      new Option(
        '--speculation <kind>',
        'guess tokens from what was read before and check several in one pass, where that pays: ngram or off',
      )
        .default('ngram')
        .argParser(oneOf('--speculation', ['ngram', 'off'])),
    )
    .addOption(
      new Option(
        '--jump-forward <switch>',
        'take text that a grammar leaves no choice about without sampling: on or off',
      )
        .default('on')
        .argParser(oneOf('--jump-forward', ['on', 'off'])),
    )
    .addOption(
      new Option(
        '--swap-mb <mb>',
        'memory for requests that have to make room and go on later, 0 for none ' +
          '(default: a quarter of what keys and values may take)',
      ).argParser(wholeNumber('--swap-mb', 0, 16_000_000)),
    );
}

/** For what runs models, and what prepares for it. */
export function kernelsOption(): Option {
  return new Option(
    '--kernels <kind>',
    "who computes: operators of our own, compiled for this processor at the first start (own), the runtime's (runtime), " +
      'or auto (own where they can be had)',
  )
    .default('auto')
    .argParser(oneOf('--kernels', ['auto', 'own', 'runtime']));
}

/** For what runs a gateway: `up` and `gateway`. */
export function addRoutingFlag(command: Command): Command {
  return command.addOption(
    new Option('--routing <name>', `which worker gets a request: ${routings.join(', ')}`)
      .default('ttft')
      .argParser(oneOf('--routing', routings)),
  );
}

/** The flags by which processes on several machines find each other. */
export interface FleetFlags {
  readonly redis?: string;
  readonly fleet: string;
}

/** The address may come from SLUICE_REDIS instead, where no list of processes shows its password. */
export function addFleetFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--redis <address>', 'where the fleet finds itself, like redis://127.0.0.1:6379')
        .env('SLUICE_REDIS')
        .argParser(word('--redis')),
    )
    .addOption(
      new Option('--fleet <name>', 'name of the fleet in that Redis').default('default').argParser(word('--fleet')),
    );
}

export function addListenFlags(command: Command, port: number, portHelp: string): Command {
  return command
    .addOption(new Option('--port <n>', portHelp).default(port).argParser(wholeNumber('--port', 0, 65535)))
    .addOption(
      new Option('--host <address>', 'address to listen on; 0.0.0.0 for all')
        .default(defaultHost)
        .argParser(word('--host')),
    );
}
