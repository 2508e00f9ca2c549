/** The command `nexus` as a process of its own: what it wrote, and its exit code. Signals and terminals included. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { readEnvironment } from '../src/config/environment.ts';

/** As it is published, where a run of tests has built it (servers/built-program.ts): that starts three times as fast. */
const SOURCE = join(import.meta.dirname, '..');
const binIn = (root: string): string => join(root, 'bin', 'nexus.mjs');
const BIN = binIn(readEnvironment().NEXUS_TEST_PROGRAM ?? SOURCE);

export interface Surroundings {
  /** All NEXUS_ variables of the process; others are those of the tests. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Nothing unless it is given; `open` leaves it to the test. */
  readonly stdin?: string | { readonly open: true };
  /** Not as it is published: where it matters which file something comes from. */
  readonly fromSource?: boolean;
  /** Numeric user to run as. */
  readonly uid?: number;
}

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves once stdout holds a match, with it. */
  said(what: RegExp): Promise<RegExpExecArray>;
}

export const startNexus = (args: readonly string[], around: Surroundings = {}): Started =>
  startProcess([process.execPath, around.fromSource ? binIn(SOURCE) : BIN, ...args], around);

export const nexus = (args: readonly string[], around?: Surroundings): Promise<Ended> => startNexus(args, around).ended;

/** A server on a data directory of its own, quiet and without limits of rates, that says where it listens. */
export async function startServing(
  directory: string,
  key: string,
): Promise<{ readonly server: Started; readonly url: string }> {
  const env = {
    NEXUS_DATA_DIR: directory,
    NEXUS_BOOTSTRAP_ADMIN_KEY: key,
    NEXUS_DATABASE_URL: '',
    NEXUS_RATE_LIMIT_ENABLED: 'false',
    NEXUS_LOG_LEVEL: 'error',
  };
  const server = startNexus(['serve', '--port', '0'], { cwd: directory, env });
  const [, url = ''] = await server.said(/listening at (\S+)/);
  return { server, url };
}

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** As on a terminal, where what is written to stdin is typed; what it writes to stdout and stderr is in `out`, as it is. */
export const startOnTerminal = (args: readonly string[], around: Surroundings = {}): Started =>
  startProcess(['script', '-qec', [process.execPath, BIN, ...args].map(quoted).join(' '), '/dev/null'], around);

/** As on a terminal; what it writes to stdout and stderr is in `out`, without colours. */
export async function nexusOnTerminal(args: readonly string[], around: Surroundings = {}): Promise<Ended> {
  const { code, out, err } = await startOnTerminal(args, around).ended;
  return { code, out: out.replaceAll('\r\n', '\n').replace(/\u001b\[\d*m/g, ''), err };
}

/** A line of a shell. */
export const shell = (line: string, around?: Surroundings): Promise<Ended> =>
  startProcess(['sh', '-c', line], around ?? {}).ended;

function startProcess([file = '', ...args]: readonly string[], around: Surroundings): Started {
  const inherited = Object.entries(readEnvironment()).filter(([name]) => !name.startsWith('NEXUS_'));
  const child = spawn(file, args, {
    cwd: around.cwd,
    env: { ...Object.fromEntries(inherited), ...around.env },
    ...(around.uid === undefined ? {} : { uid: around.uid }),
  });
  const written = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    written.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    written.err += text;
  });
  child.stdin.on('error', () => undefined);
  if (typeof around.stdin !== 'object') child.stdin.end(around.stdin ?? '');
  const ended = once(child, 'close').then(([code]) => ({ code, ...written }));
  return {
    child,
    ended,
    said: async (what) => {
      for (;;) {
        const found = what.exec(written.out);
        if (found) return found;
        const over = await Promise.race([once(child.stdout, 'data').then(() => false), ended.then(() => true)]);
        if (over) throw new Error(`ended before it said ${what}: ${written.out}${written.err}`);
      }
    },
  };
}
