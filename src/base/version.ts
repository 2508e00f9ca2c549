/** The version of the program, from its package. */
import { readFileSync } from 'node:fs';
import { parseJson } from './parse-json.ts';

const packageFile = new URL('../../package.json', import.meta.url);

export const VERSION: string = (parseJson(readFileSync(packageFile, 'utf8')) as { version: string }).version;
