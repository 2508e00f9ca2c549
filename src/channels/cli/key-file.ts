/**
 * The key file that `nexus start` writes, so that commands on the same machine need no key: one JSON object, URL → key,
 * mode 0600, in the user's configuration directory.
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseJson } from '../../base/parse-json.ts';
import { isCode } from '../../base/system-error.ts';

const fileIn = (configHome: string): string => join(configHome, 'nexus', 'keys.json');

function readAll(configHome: string): Record<string, string> {
  let text: string;
  try {
    text = readFileSync(fileIn(configHome), 'utf8');
  } catch (thrown) {
    if (isCode(thrown, 'ENOENT')) return {};
    throw thrown;
  }
  return parseJson(text) as Record<string, string>;
}

const normal = (url: string): string => url.replace(/\/+$/, '').replace('//localhost:', '//127.0.0.1:');

export const findKey = (configHome: string, url: string): string | undefined => readAll(configHome)[normal(url)];

export function keepKey(configHome: string, url: string, key: string): string {
  const file = fileIn(configHome);
  mkdirSync(join(configHome, 'nexus'), { recursive: true, mode: 0o700 });
  const text = `${JSON.stringify({ ...readAll(configHome), [normal(url)]: key }, null, 2)}\n`;
  // Written beside and renamed, so that a crash leaves the old file whole.
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  chmodSync(`${file}.new`, 0o600);
  renameSync(`${file}.new`, file);
  return file;
}
