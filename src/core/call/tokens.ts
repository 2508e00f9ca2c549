/** Tokens as an operation sees them: who signs them, and with what, is the roof's choice. */

/** Ordered as they are told (infrastructure.md §2). */
export const MODES = ['PUBLIC', 'RAW'] as const;
export type Mode = (typeof MODES)[number];

/** What of a token goes with the caller that showed it. Times are milliseconds. */
export interface TokenTimes {
  /** When the key behind it was shown; kept when the token is renewed. */
  readonly auth_time: number;
  readonly expires_at: number;
}

/** A token as it was shown. */
export interface ShownToken extends TokenTimes {
  /** Its key's text is one that everybody knows, and works from the server's own machine only (infrastructure.md §2). */
  readonly of_default_key: boolean;
}

/** Whom a token is for. */
export interface TokenHolder {
  readonly key_id: string | null;
  readonly subject_id: string;
  readonly zone_id: string;
  readonly role: string;
  /** Of the token that was shown in place of the key. */
  readonly token: TokenTimes | null;
}

export interface IssuedToken {
  readonly text: string;
  /** Milliseconds of life. */
  readonly life: number;
  readonly expires_at: number;
}

export interface Tokens {
  /** Milliseconds: the clock by which tokens and keys end. */
  now(): number;
  /** A token for the holder's key. Where the holder showed a token, it is renewed: UNAUTHENTICATED if that is too late. */
  issue(holder: TokenHolder, modes: readonly Mode[]): Promise<IssuedToken>;
}
