/** The command line. Says the version of the package on `--version`. */
import { readFileSync } from 'node:fs';

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
if (process.argv.includes('--version')) process.stdout.write(`${version}\n`);
