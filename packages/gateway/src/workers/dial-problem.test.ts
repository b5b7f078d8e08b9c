import { describe, expect, it } from 'vitest';
import { dialProblem } from './dial-problem.js';

const said = (lastError: string): string =>
  `14 UNAVAILABLE: No connection established. Last error: ${lastError}. Resolution note: `;

describe('dialProblem', () => {
  it('keeps what the system says, without the library’s words around it', () => {
    const refused = said('Error: connect ECONNREFUSED 127.0.0.1:9000');
    expect(dialProblem(refused, false)).toBe('connect ECONNREFUSED 127.0.0.1:9000');
    expect(dialProblem('14 UNAVAILABLE: read ECONNRESET', true)).toBe('read ECONNRESET');
  });

  it('says what a silent end may mean', () => {
    const silent = said('Failed to connect (2026-01-01T00:00:00.000Z)');
    expect(dialProblem(silent, true)).toContain('may not accept this gateway’s certificate');
    expect(dialProblem(silent, false)).toContain('may want TLS');
  });

  it('tells a foreign certificate, a foreign name and a worker without TLS apart, in one line', () => {
    expect(dialProblem(said('Error: self-signed certificate in certificate chain'), true)).toMatch(/^its certificate /);
    const name = "Error [ERR_TLS_CERT_ALTNAME_INVALID]: Hostname/IP does not match certificate's altnames: IP: ::1";
    expect(dialProblem(said(name), true)).toBe("Hostname/IP does not match certificate's altnames: IP: ::1");
    const plain = said(
      'Error: 80:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:ssl3_record.c:350:\n',
    );
    expect(dialProblem(plain, true)).toBe('it does not speak TLS, and this gateway does');
  });
});
