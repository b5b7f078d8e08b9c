import { createPrivateKey, X509Certificate } from 'node:crypto';
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
  readonly requestsMax?: number;
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
      new Option(
        '--requests-max <n>',
        'requests in flight in one gateway, beyond which callers get 429 (default: 4096)',
      ).argParser(wholeNumber('--requests-max', 1, 1_000_000)),
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

/** The variable that holds a key of this gateway's own, with which `sluice up` asks its first question. */
export const ownKeyVariable = 'SLUICE_OWN_KEY';

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
    // Twice as many connections, because clients keep some between requests.
    ...(flags.requestsMax === undefined
      ? {}
      : { requestsMax: flags.requestsMax, connectionsMax: Math.max(16_384, 2 * flags.requestsMax) }),
    ...(flags.queueRequests === undefined ? {} : { queueRequestsMax: flags.queueRequests }),
    ...(flags.queueMs === undefined ? {} : { queueMsMax: flags.queueMs }),
    ...(process.env[ownKeyVariable] ? { ownKey: process.env[ownKeyVariable] } : {}),
  };
}

/** Whether callers have to say who they are. */
export function needsKey({ keys, jwtKeys }: AccessFlags): boolean {
  return keys !== undefined || jwtKeys !== undefined;
}

/** @throws UsageError naming flag and file of what a gateway would refuse, before anything slow is begun. */
export async function checkAccess(flags: AccessFlags): Promise<void> {
  accessOptions(flags);
  if ((flags.keys ?? flags.contentRules) === undefined) return;
  const { parseContentRules, parseKeyFile } = await import('@sluice/gateway');
  const check = (flag: string, file: string | undefined, parse: (text: string) => unknown): void => {
    if (file === undefined) return;
    try {
      parse(readFileSync(file, 'utf8'));
    } catch (cause) {
      throw new UsageError(`${flag} ${file}: ${cause instanceof Error ? cause.message : cause}`);
    }
  };
  check('--keys', flags.keys, parseKeyFile);
  check('--content-rules', flags.contentRules, parseContentRules);
}

/** As `sluice gateway` takes them on its command line. */
export function accessArguments(flags: AccessFlags): readonly string[] {
  const given = (flag: string, value: string | number | undefined): readonly string[] =>
    value === undefined ? [] : [flag, String(value)];
  return [
    ...given('--keys', flags.keys),
    ...given('--jwt-keys', flags.jwtKeys),
    ...given('--jwt-issuer', flags.jwtIssuer),
    ...given('--jwt-audience', flags.jwtAudience),
    ...flags.corsOrigin.flatMap((origin) => given('--cors-origin', origin)),
    ...given('--content-rules', flags.contentRules),
    ...given('--requests-max', flags.requestsMax),
    ...given('--queue-requests', flags.queueRequests),
    ...given('--queue-ms', flags.queueMs),
  ];
}

/** The files by which gateways and workers know each other: an authority, and one's own certificate and key. */
export interface TlsFlags {
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsName?: string;
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

/** For the side that calls. */
export function addTlsNameFlag(command: Command): Command {
  return command.addOption(
    new Option(
      '--tls-name <name>',
      'the name that workers’ certificates hold (default: the host of their address)',
    ).argParser(word('--tls-name')),
  );
}

/** Undefined where no flag was given. @throws UsageError naming flag and file of what cannot be used. */
export function tlsOptions({ tlsCa, tlsCert, tlsKey, tlsName }: TlsFlags) {
  if ((tlsCa ?? tlsCert ?? tlsKey ?? tlsName) === undefined) return undefined;
  const authority = pemFile('--tls-ca', tlsCa, (pem) => new X509Certificate(pem));
  const certificate = pemFile('--tls-cert', tlsCert, (pem) => new X509Certificate(pem));
  const key = pemFile('--tls-key', tlsKey, (pem) => createPrivateKey(pem));
  if (!certificate.parsed.checkPrivateKey(key.parsed)) {
    throw new UsageError(`--tls-key ${tlsKey} is not the key of --tls-cert ${tlsCert}`);
  }
  const names = tlsName === undefined ? {} : { serverName: tlsName };
  return { authority: authority.pem, certificate: certificate.pem, key: key.pem, ...names };
}

function pemFile<Parsed>(flag: string, file: string | undefined, parse: (pem: Buffer) => Parsed) {
  if (file === undefined) throw new UsageError(`${flag} is missing: --tls-ca, --tls-cert and --tls-key go together`);
  const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
  let pem: Buffer;
  try {
    pem = readFileSync(file);
  } catch (cause) {
    throw new UsageError(`${flag} ${file} cannot be read: ${reasonOf(cause)}`);
  }
  try {
    return { pem, parsed: parse(pem) };
  } catch (cause) {
    const what = flag === '--tls-key' ? 'a private key without a passphrase' : 'a certificate';
    throw new UsageError(`${flag} ${file} must be ${what} in PEM: ${reasonOf(cause)}`);
  }
}

function corsOrigin(value: string, earlier: readonly string[]): readonly string[] {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (value === '*' || (url !== undefined && url.origin === value)) return [...earlier, value];
  throw new UsageError(`--cors-origin ${JSON.stringify(value)} must be * or an origin like https://chat.example`);
}
