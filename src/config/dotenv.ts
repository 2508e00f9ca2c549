/** `.env` of the working directory, which fills in what the environment does not set (infrastructure.md §13). */
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { codeOf } from '../base/system-error.ts';
import type { Environment } from './environment.ts';

/** Nothing where there is none. `unreadable`: given what the file system says of one that cannot be read, and may throw. */
export function readDotenv(unreadable: (reason: string) => void): Environment {
  try {
    // A mark of the order of bytes, which some editors put first, is no part of the first name.
    return parseEnv(readFileSync('.env', 'utf8').replace(/^\uFEFF/, ''));
  } catch (thrown) {
    const code = codeOf(thrown);
    if (code === undefined) throw thrown;
    if (code !== 'ENOENT') unreadable(code);
    return {};
  }
}
