/**
 * Callers by their credential, kept for a second so that a busy one costs no statement a request. Guarantees: what is
 * kept is never the last word: the transaction of each call compares the access revision (core/transact.ts), an expiry is
 * seen at once, and a door asks again before it tells any failure. Only the hash of a credential is kept.
 */
import { Fault } from '../base/faults.ts';
import { isTokenForm } from '../base/token-form.ts';
import type { Callers, Credential, Known } from '../channels/http/door.ts';
import type { Caller } from '../core/operation.ts';
import {
  callerByHash,
  callerByToken,
  hashKey,
  invalidToken,
  isExpired,
  keyOfExpired,
  unauthenticated,
  whyRefused,
} from '../features/access/credentials.ts';
import type { TokenDesk } from '../features/access/tokens.ts';
import type { Rates } from '../features/limits/rates.ts';
import type { Clock } from '../ports/clock.ts';
import type { Sql } from '../ports/sql.ts';

const KEPT_MS = 1_000;
const KEPT_MOST = 10_000;

interface Kept {
  readonly known: Known;
  readonly until: number;
}

export interface CallersParts {
  readonly sql: Sql;
  readonly clock: Clock;
  readonly tokens: TokenDesk;
  /** undefined: nothing is limited. */
  readonly rates: Rates | undefined;
  /** Told of each caller that was asked for. */
  readonly used: (caller: Caller) => Promise<void> | undefined;
}

export interface KeptCallers extends Callers {
  /** Keys have changed: what is kept of them ends, though no call would rely on it. */
  forget(): void;
}

export function callersOf({ sql, clock, tokens, rates, used }: CallersParts): KeptCallers {
  // Apart, so that a token that was shown where only a key counts is not found by what it was elsewhere.
  const kept = { key: new Map<string, Kept>(), token: new Map<string, Kept>() };
  const askFor = async (credential: Credential, hash: string): Promise<Known> => {
    const now = clock.now();
    const those = kept[kindOf(credential)];
    const known = await lookUp(credential, hash, now);
    those.delete(hash);
    if (!known.caller) return known;
    await used(known.caller);
    if (those.size >= KEPT_MOST) those.clear();
    those.set(hash, { known, until: Math.min(now + KEPT_MS, endOf(known.caller)) });
    return known;
  };
  const knownAs = (caller: Caller, hash: string): Known => ({ caller, budget: rates?.ofCaller(hash, caller), hash });
  const lookUp = async ({ text, bearer }: Credential, hash: string, now: number): Promise<Known> => {
    if (!bearer || !isTokenForm(text)) {
      const caller = await sql.read((tx) => callerByHash(tx, hash, now));
      if (caller) return knownAs(caller, hash);
      const why = await sql.read((tx) => whyRefused(tx, { hash }));
      return { caller: undefined, refusal: unauthenticated(), hash, ...why };
    }
    try {
      const token = await tokens.read(text);
      const caller = await sql.read((tx) => callerByToken(tx, token, now));
      if (caller) return knownAs(caller, hash);
      const why = await sql.read((tx) => whyRefused(tx, token));
      return { caller: undefined, refusal: invalidToken(), hash, ...why };
    } catch (thrown) {
      if (!(thrown instanceof Fault && thrown.code === 'UNAUTHENTICATED')) throw thrown;
      const reason = isExpired(thrown) ? 'expired' : 'invalid_token';
      const key_id = keyOfExpired(thrown);
      const { owner } = key_id === undefined ? NOBODY : await sql.read((tx) => whyRefused(tx, { key_id }));
      return { caller: undefined, refusal: thrown, hash, reason, owner };
    }
  };
  return {
    find: (credential) => {
      const hash = hashKey(credential.text);
      const found = kept[kindOf(credential)].get(hash);
      return found && clock.now() < found.until ? found.known : askFor(credential, hash);
    },
    ask: (credential) => askFor(credential, hashKey(credential.text)),
    forget: () => {
      kept.key.clear();
      kept.token.clear();
    },
  };
}

const NOBODY = { owner: undefined };

const kindOf = ({ text, bearer }: Credential): 'key' | 'token' => (bearer && isTokenForm(text) ? 'token' : 'key');

const endOf = ({ expires_at, token }: Caller): number =>
  Math.min(expires_at ?? Number.POSITIVE_INFINITY, token?.expires_at ?? Number.POSITIVE_INFINITY);
