/**
 * Callers by their credential, kept for a second so that a busy one costs no statement a request. Guarantees: what is
 * kept is never the last word: the transaction of each call compares the access revision (core/transact.ts), an expiry is
 * seen at once, and a door asks again before it tells any failure; a key that another node changed, whose limit no
 * transaction looks at, is forgotten as soon as that rings. Only the hash of a credential is kept.
 */
import { Fault } from '../base/faults.ts';
import { isTokenForm } from '../base/token-form.ts';
import type { Callers, Credential, Known } from '../channels/http/door.ts';
import type { Caller } from '../core/operation.ts';
import type { Rings } from '../core/rings.ts';
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
import { KEYS_TOPIC } from '../features/access/keys.operations.ts';
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
  readonly rings: Pick<Rings, 'listen'>;
  /** Told of each caller that was asked for. */
  readonly used: (caller: Caller) => Promise<void> | undefined;
}

export interface KeptCallers extends Callers {
  /** Keys have changed: what is kept of them ends, though no call would rely on it. */
  forget(): void;
}

export function callersOf({ sql, clock, tokens, rates, rings, used }: CallersParts): KeptCallers {
  // Apart, so that a token that was shown where only a key counts is not found by what it was elsewhere.
  const kept = { key: new Map<string, Kept>(), token: new Map<string, Kept>() };
  let forgotten = 0;
  const askFor = async (credential: Credential, hash: string): Promise<Known> => {
    const now = clock.now();
    const before = forgotten;
    const those = kept[kindOf(credential)];
    const known = await lookUp(credential, hash, now);
    those.delete(hash);
    if (!known.caller) return known;
    await used(known.caller);
    // What was read before a change is not kept behind it.
    if (before !== forgotten) return known;
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
  const forget = (): void => {
    forgotten++;
    kept.key.clear();
    kept.token.clear();
  };
  rings.listen(KEYS_TOPIC, forget);
  return {
    find: (credential) => {
      const hash = hashKey(credential.text);
      const found = kept[kindOf(credential)].get(hash);
      return found && clock.now() < found.until ? found.known : askFor(credential, hash);
    },
    ask: (credential) => askFor(credential, hashKey(credential.text)),
    forget,
  };
}

const NOBODY = { owner: undefined };

const kindOf = ({ text, bearer }: Credential): 'key' | 'token' => (bearer && isTokenForm(text) ? 'token' : 'key');

const endOf = ({ expires_at, token }: Caller): number =>
  Math.min(expires_at ?? Number.POSITIVE_INFINITY, token?.expires_at ?? Number.POSITIVE_INFINITY);
