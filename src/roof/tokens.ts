/** What tokens are signed with, and how long they live, by the configuration. */
import { randomBytes } from 'node:crypto';
import type { Config } from '../config.ts';
import { systemClock } from '../engines/process/system-clock.ts';
import { keepSetting } from '../features/access/settings.sql.ts';
import { type TokenDesk, tokenDesk } from '../features/access/tokens.ts';
import type { Tx } from '../ports/sql.ts';

/** As much as the longest of the hashes (RFC 7518 §3.2). */
const SECRET_BYTES = 64;
const MINUTE_MS = 60_000;

/** The secret of all nodes of this database, made by whichever asks first. */
export const keptTokenSecret = (tx: Tx): Promise<string> =>
  keepSetting(tx, 'jwt_secret', randomBytes(SECRET_BYTES).toString('base64url'));

export const tokensOf = (config: Config, secret: string): TokenDesk =>
  tokenDesk({
    secret: Buffer.from(secret),
    algorithm: config.JWT_ALGORITHM,
    life: config.JWT_EXPIRY_MINUTES * MINUTE_MS,
    renewable: config.JWT_REFRESH_MINUTES * MINUTE_MS,
    clock: systemClock,
  });
