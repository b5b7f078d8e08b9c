import { type Command, Option } from 'commander';
import { wholeNumber } from '../flags.js';

/** How patient a gateway is with OpenAI-compatible servers. */
export interface UpstreamFlags {
  readonly upstreamRequests?: number;
  readonly upstreamFirstTextMs?: number;
  readonly upstreamGapMs?: number;
}

export function addUpstreamFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--upstream-requests <n>',
        'requests that an OpenAI-compatible server gets at once, each on a connection (default: 1024)',
      ).argParser(wholeNumber('--upstream-requests', 1, 65_536)),
    )
    .addOption(
      new Option(
        '--upstream-first-text-ms <ms>',
        'how long such a server may take to the first text of an answer (default: 600000)',
      ).argParser(wholeNumber('--upstream-first-text-ms', 1, 86_400_000)),
    )
    .addOption(
      new Option('--upstream-gap-ms <ms>', 'how long it may be silent after that (default: 60000)').argParser(
        wholeNumber('--upstream-gap-ms', 1, 86_400_000),
      ),
    );
}

/** As the gateway takes them. */
export function upstreamOptions({ upstreamRequests, upstreamFirstTextMs, upstreamGapMs }: UpstreamFlags) {
  return {
    ...(upstreamRequests === undefined ? {} : { upstreamRequestsMax: upstreamRequests }),
    ...(upstreamFirstTextMs === undefined ? {} : { upstreamFirstTextMs }),
    ...(upstreamGapMs === undefined ? {} : { upstreamGapMs }),
  };
}
