import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { text, UsageError, wholeNumber, word } from '../flags.js';

/** Who may use a gateway, and for what. */
export interface AccessFlags {
  readonly keys?: string;
  readonly jwtKeys?: string;
  readonly jwtIssuer?: string;
  readonly jwtAudience?: string;
  readonly corsOrigin: readonly string[];
  readonly contentRules?: string;
  readonly queueRequests?: number;
  readonly queueMs?: number;
}

export function addAccessFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--keys <file>',
        'API keys that callers need, made by sluice key; read anew when it changes',
      ).argParser(text('--keys')),
    )
    .addOption(
      new Option('--jwt-keys <place>', 'public keys of who issues tokens (JWKS): an address or a file').argParser(
        word('--jwt-keys'),
      ),
    )
    .addOption(new Option('--jwt-issuer <name>', 'who must have issued a token').argParser(word('--jwt-issuer')))
    .addOption(new Option('--jwt-audience <name>', 'whom a token must be for').argParser(word('--jwt-audience')))
    .addOption(
      new Option(
        '--cors-origin <origin>',
        'web pages that may call the API, like https://chat.example, or *; repeat it',
      )
        .default([], 'none')
        .argParser(corsOrigin),
    )
    .addOption(
      new Option('--content-rules <file>', 'what to redact and what to refuse in prompts and answers').argParser(
        text('--content-rules'),
      ),
    )
    .addOption(
      new Option('--queue-requests <n>', 'requests of one model that may wait for a worker (default: 2048)').argParser(
        wholeNumber('--queue-requests', 0, 1_000_000),
      ),
    )
    .addOption(
      new Option('--queue-ms <ms>', 'how long a request may wait for a worker (default: 60000)').argParser(
        wholeNumber('--queue-ms', 1, 3_600_000),
      ),
    );
}

/** As the gateway takes them. */
export function accessOptions(flags: AccessFlags) {
  if (flags.jwtKeys === undefined && (flags.jwtIssuer ?? flags.jwtAudience) !== undefined) {
    throw new UsageError('--jwt-issuer and --jwt-audience need --jwt-keys');
  }
  return {
    corsOrigins: flags.corsOrigin,
    ...(flags.keys === undefined ? {} : { keysFile: flags.keys }),
    ...(flags.jwtKeys === undefined ? {} : { jwtKeys: flags.jwtKeys }),
    ...(flags.jwtIssuer === undefined ? {} : { jwtIssuer: flags.jwtIssuer }),
    ...(flags.jwtAudience === undefined ? {} : { jwtAudience: flags.jwtAudience }),
    ...(flags.contentRules === undefined ? {} : { contentRulesFile: flags.contentRules }),
    ...(flags.queueRequests === undefined ? {} : { queueRequestsMax: flags.queueRequests }),
    ...(flags.queueMs === undefined ? {} : { queueMsMax: flags.queueMs }),
  };
}

/** The files by which gateways and workers know each other: an authority, and one's own certificate and key. */
export interface TlsFlags {
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/** @param between who speaks to whom. */
export function addTlsFlags(command: Command, between: string): Command {
  const option = (name: string, what: string): Option =>
    new Option(`--${name} <file>`, `${between} over TLS: ${what}, PEM; all three or none`).argParser(text(`--${name}`));
  return command
    .addOption(option('tls-ca', 'the authority that signs both sides’ certificates'))
    .addOption(option('tls-cert', 'the certificate to show'))
    .addOption(option('tls-key', 'its key'));
}

/** Undefined where no flag was given. */
export function tlsOptions({ tlsCa, tlsCert, tlsKey }: TlsFlags) {
  if (tlsCa === undefined && tlsCert === undefined && tlsKey === undefined) return undefined;
  return {
    authority: pemFile('--tls-ca', tlsCa),
    certificate: pemFile('--tls-cert', tlsCert),
    key: pemFile('--tls-key', tlsKey),
  };
}

function pemFile(flag: string, file: string | undefined): Buffer {
  if (file === undefined) throw new UsageError(`${flag} is missing: --tls-ca, --tls-cert and --tls-key go together`);
  let content: Buffer;
  try {
    content = readFileSync(file);
  } catch (cause) {
    throw new UsageError(`${flag} ${file} cannot be read: ${cause instanceof Error ? cause.message : cause}`);
  }
  if (content.includes('-----BEGIN ')) return content;
  throw new UsageError(`${flag} ${file} must be a PEM file`);
}

function corsOrigin(value: string, earlier: readonly string[]): readonly string[] {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (value === '*' || (url !== undefined && url.origin === value)) return [...earlier, value];
  throw new UsageError(`--cors-origin ${JSON.stringify(value)} must be * or an origin like https://chat.example`);
}
