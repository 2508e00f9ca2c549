/** What is read from a text that claims to be a token, under a clock that the test sets; and settings of a server. */
import fc from 'fast-check';
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { startTestServer } from '../../../test/harness.ts';
import { Fault } from '../../base/faults.ts';
import { SYSTEM } from './credentials.ts';
import { type TokenSettings, tokenDesk } from './tokens.ts';

const SECRET = Buffer.from('secret-of-tests-with-32-bytes-00');
const START = 1_900_000_000_000;
const holder = { ...SYSTEM, key_id: 'key-1', subject_id: 'ada', zone_id: 'corp', role: 'operator' };

function deskAt(over: Partial<TokenSettings> = {}) {
  let now = START;
  const clock = { now: () => now };
  const settings = { secret: SECRET, algorithm: 'HS256', life: 60_000, renewable: 600_000, clock, ...over } as const;
  return {
    desk: tokenDesk(settings),
    pass: (ms: number) => {
      now += ms;
    },
  };
}

const refusalOf = async (reading: Promise<unknown>): Promise<string> => {
  const thrown = await reading.then(
    () => 'read',
    (reason: unknown) => reason,
  );
  return thrown instanceof Fault && thrown.code === 'UNAUTHENTICATED' ? thrown.message : `not refused: ${thrown}`;
};

describe('a token', () => {
  test('lives to its very end and not a moment longer', async () => {
    const { desk, pass } = deskAt();
    const { text, expires_at, life } = await desk.issue(holder, []);
    expect([expires_at, life]).toEqual([START + 60_000, 60_000]);
    pass(59_999);
    expect(await desk.read(text)).toEqual({ key_id: 'key-1', times: { auth_time: START, expires_at } });
    pass(1);
    expect(await refusalOf(desk.read(text))).toBe('Token has expired');
  });

  test('is renewed until the longest time after its key was shown', async () => {
    const { desk, pass } = deskAt();
    let { text } = await desk.issue(holder, []);
    let renewals = 0;
    for (;;) {
      pass(50_000);
      const { times } = await desk.read(text);
      const renewed = await desk.issue({ ...holder, token: times }, []).catch(() => undefined);
      if (!renewed) break;
      text = renewed.text;
      renewals++;
    }
    expect(renewals).toBe(11);
    pass(10_000);
    expect(await refusalOf(desk.read(text))).toBe('Token has expired');
  });

  test('has one text: with any character changed it is none', async () => {
    const { desk } = deskAt();
    const { text } = await desk.issue(holder, ['PUBLIC']);
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.';
    const places = Array.from({ length: 12 }, (_, i) => Math.floor((text.length * i) / 12));
    for (const at of [...places, text.length - 1]) {
      for (const letter of letters) {
        if (text[at] === letter) continue;
        const forged = text.slice(0, at) + letter + text.slice(at + 1);
        expect([await refusalOf(desk.read(forged)), forged]).toEqual(['Invalid token', forged]);
      }
    }
    for (const tail of ['=', 'A', '.', ' ', '=='])
      expect(await refusalOf(desk.read(text + tail))).toBe('Invalid token');
  });

  test('is no other text, whatever stands in it', async () => {
    const { desk } = deskAt();
    const part = fc.oneof(
      fc.base64String(),
      fc.json().map((json) => Buffer.from(json).toString('base64url')),
      fc.string(),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 5 }), async (parts) => {
        expect(await refusalOf(desk.read(parts.join('.')))).toBe('Invalid token');
      }),
      { numRuns: 500 },
    );
  });

  test('is refused for claims of any shape that are signed with the right secret', async () => {
    const { desk } = deskAt();
    const claims = fc.record(
      { iss: fc.constantFrom('nexus', 'else'), key_id: fc.anything(), exp: fc.anything(), auth_time: fc.anything() },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(claims, async (payload) => {
        const plain = JSON.parse(JSON.stringify({ ...payload, key_id: [payload.key_id] }));
        const text = await new SignJWT(plain).setProtectedHeader({ alg: 'HS256' }).sign(SECRET);
        expect(await refusalOf(desk.read(text))).toMatch(/^(Invalid token|Token has expired)$/);
      }),
      { numRuns: 300 },
    );
  });
});

test('a server signs as it is told, and takes nothing else', async () => {
  const secret = 'another-secret-of-tests-with-more-than-32-bytes';
  const server = await startTestServer({
    environment: { NEXUS_JWT_SECRET: secret, NEXUS_JWT_ALGORITHM: 'HS512', NEXUS_JWT_EXPIRY_MINUTES: '5' },
  });
  const answer = await server.http('/api/v1/auth/token', { method: 'POST' });
  const { access_token, expires_in } = (await answer.json()) as { access_token: string; expires_in: number };
  expect(decodeProtectedHeader(access_token).alg).toBe('HS512');
  const { iat = 0, exp } = decodeJwt(access_token);
  expect([expires_in, exp]).toEqual([300, iat + 300]);
  expect(await server.ok('whoami', {}, access_token)).toMatchObject({ authenticated: true });
  const weaker = await new SignJWT(decodeJwt(access_token))
    .setProtectedHeader({ alg: 'HS256' })
    .sign(Buffer.from(secret));
  const refused = await server.http('/api/v1/auth/whoami', { headers: { authorization: `Bearer ${weaker}` } });
  expect([refused.status, ((await refused.json()) as { detail: string }).detail]).toEqual([401, 'Invalid token']);
  await server.stop();
});
