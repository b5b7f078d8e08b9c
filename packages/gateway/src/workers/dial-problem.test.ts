import { describe, expect, it } from 'vitest';
import { dialProblem } from './dial-problem.js';

describe('dialProblem', () => {
  it('keeps what the system says', () => {
    const refused = 'connect ECONNREFUSED 127.0.0.1:9000';
    expect(dialProblem(refused, false)).toBe(refused);
  });

  it('says what a silent end may mean', () => {
    for (const silent of ['the connection was closed', 'read ECONNRESET']) {
      expect(dialProblem(silent, true)).toContain('may not accept this gateway’s certificate');
      expect(dialProblem(silent, false)).toContain('may want TLS');
    }
  });

  it('tells a foreign certificate, a foreign name and a worker without TLS apart, in one line', () => {
    expect(dialProblem('self-signed certificate in certificate chain', true)).toMatch(/^its certificate /);
    const name = "Hostname/IP does not match certificate's altnames: IP: ::1";
    expect(dialProblem(name, true)).toBe(name);
    const plain =
      'write EPROTO 80:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:ssl3_record.c:350:\n';
    expect(dialProblem(plain, true)).toBe('it does not speak TLS, and this gateway does');
  });
});
