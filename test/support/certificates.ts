import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** PEM files of one side of a connection, and what is in them. */
export interface Certificate {
  readonly files: { readonly authority: string; readonly certificate: string; readonly key: string };
  readonly authority: Buffer;
  readonly certificate: Buffer;
  readonly key: Buffer;
}

const ecKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** A certificate authority made by openssl in a folder of its own, good for two days. */
export class TestAuthority {
  readonly #folder: string;
  /** Its own, PEM. */
  readonly certificate: Buffer;

  constructor(folder: string) {
    mkdirSync(folder);
    this.#folder = folder;
    this.#openssl('req', '-x509', ...ecKey, '-days', '2', '-subj', '/CN=test authority', ...this.#output('ca'));
    this.certificate = readFileSync(this.#path('ca.pem'));
  }

  /** @param names of its holder, like `DNS:localhost` or `IP:127.0.0.1`. */
  issue(holder: string, ...names: readonly string[]): Certificate {
    const file = (ending: string): string => path.join(this.#folder, `${holder}${ending}`);
    this.#openssl('req', '-new', ...ecKey, '-subj', `/CN=${holder}`, '-keyout', file('.key'), '-out', file('.csr'));
    writeFileSync(file('.ext'), `subjectAltName=${names.join(',')}\n`);
    const signer = ['-CA', this.#path('ca.pem'), '-CAkey', this.#path('ca.key'), '-CAcreateserial'];
    this.#openssl(
      'x509',
      '-req',
      '-days',
      '2',
      ...signer,
      '-in',
      file('.csr'),
      '-extfile',
      file('.ext'),
      '-out',
      file('.pem'),
    );
    const files = { authority: this.#path('ca.pem'), certificate: file('.pem'), key: file('.key') };
    return {
      files,
      authority: this.certificate,
      certificate: readFileSync(files.certificate),
      key: readFileSync(files.key),
    };
  }

  #path(name: string): string {
    return path.join(this.#folder, name);
  }

  #output(name: string): readonly string[] {
    return ['-keyout', this.#path(`${name}.key`), '-out', this.#path(`${name}.pem`)];
  }

  #openssl(...args: readonly string[]): void {
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'ignore'] });
  }
}
