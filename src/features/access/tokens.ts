/**
 * Tokens (access.md §1, infrastructure.md §3): signed texts that name a key for a while. Guarantees: only the configured
 * algorithm is taken, `none` and every other is refused; what a token claims about rights counts for nothing, it only
 * leads to the row of its key; whatever is wrong with one, it is told in one of two texts.
 */
import { JOSEError, JWTExpired } from 'jose/errors';
import { SignJWT } from 'jose/jwt/sign';
import { jwtVerify } from 'jose/jwt/verify';
import { z } from 'zod';
import { newId } from '../../base/ids.ts';
import { plainText } from '../../base/texts.ts';
import type { Tokens, TokenTimes } from '../../core/call/tokens.ts';
import type { Clock } from '../../ports/clock.ts';
import { invalidToken, tokenExpired } from './credentials.ts';

export interface TokenSettings {
  readonly secret: Uint8Array;
  readonly algorithm: 'HS256' | 'HS384' | 'HS512';
  /** Milliseconds. */
  readonly life: number;
  /** Milliseconds from the showing of the key in which a token can be renewed. */
  readonly renewable: number;
  readonly clock: Clock;
}

/** A token that is ours and has not expired. */
export interface ReadToken {
  readonly key_id: string;
  readonly times: TokenTimes;
}

export interface TokenDesk extends Tokens {
  /** UNAUTHENTICATED unless it is ours and has not expired. */
  read(text: string): Promise<ReadToken>;
}

const ISSUER = 'nexus';

const claims = z.object({ key_id: plainText, exp: z.int(), auth_time: z.int() });

const seconds = (ms: number): number => Math.floor(ms / 1000);

/** Spare bits of the last character could be anything: one token would have several texts, and a rate for each. */
function isCanonical(text: string): boolean {
  const signature = text.slice(text.lastIndexOf('.') + 1);
  return Buffer.from(signature, 'base64url').toString('base64url') === signature;
}

export function tokenDesk({ secret, algorithm, life, renewable, clock }: TokenSettings): TokenDesk {
  return {
    now: () => clock.now(),
    issue: async (holder, modes) => {
      const now = clock.now();
      const { key_id, subject_id, zone_id, role, token } = holder;
      const auth_time = token?.auth_time ?? now;
      if (key_id === null || now - auth_time >= renewable) throw invalidToken();
      const iat = seconds(now);
      const exp = iat + seconds(life);
      const text = await new SignJWT({ zone_id, role, modes, key_id, auth_time: seconds(auth_time) })
        .setProtectedHeader({ alg: algorithm, typ: 'JWT' })
        .setIssuer(ISSUER)
        .setSubject(subject_id)
        .setIssuedAt(iat)
        .setExpirationTime(exp)
        .setJti(newId('token'))
        .sign(secret);
      return { text, life, expires_at: exp * 1000 };
    },
    read: async (text) => {
      if (!isCanonical(text)) throw invalidToken();
      try {
        const currentDate = new Date(clock.now());
        const { payload } = await jwtVerify(text, secret, { algorithms: [algorithm], issuer: ISSUER, currentDate });
        const { key_id, exp, auth_time } = claims.parse(payload);
        return { key_id, times: { auth_time: auth_time * 1000, expires_at: exp * 1000 } };
      } catch (thrown) {
        if (thrown instanceof JWTExpired) throw tokenExpired(claims.safeParse(thrown.payload).data?.key_id);
        if (thrown instanceof JOSEError || thrown instanceof z.ZodError) throw invalidToken();
        throw thrown;
      }
    },
  };
}
