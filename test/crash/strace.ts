/** strace on a running process: what all its threads ask of the kernel, in order, and failures injected into it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** A system call. `began` and `ended` count lines of the trace: what ended before another began was over by then. */
export interface SystemCall {
  readonly thread: string;
  readonly name: string;
  readonly began: number;
  readonly ended: number;
  /** Path of the first file descriptor, if it has one, and of path arguments in their order. */
  readonly paths: readonly string[];
  /** All bytes among the arguments. */
  readonly bytes: Buffer;
  readonly result: number;
}

export interface TraceOptions {
  readonly calls: readonly string[];
  /** `-e inject=` of strace, e.g. `fdatasync:error=EIO:when=3`, counted by thread from now on. */
  readonly inject?: string;
  /** Only calls on this path. */
  readonly path?: string;
}

export interface Trace {
  /** Lets go of the process and gives what was seen. */
  end(): Promise<SystemCall[]>;
}

/** Longer than any content that is kept inside SQL. */
const STRING_BYTES = 80_000;

/** Traces a process that runs already. */
export async function trace(pid: number, options: TraceOptions): Promise<Trace> {
  const { strace, ended, seen } = startStrace(options, ['-p', String(pid)]);
  let said = '';
  await new Promise<void>((resolve, reject) => {
    strace.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (/attached/.test(said)) resolve();
    });
    ended.then(() => reject(new Error(`strace ended: ${said}`)), reject);
  });
  return {
    end: async () => {
      strace.kill('SIGINT');
      await ended;
      return seen();
    },
  };
}

/** Traces a command from its first call to its last; it has to succeed. */
export async function traceCommand(command: readonly string[], options: TraceOptions): Promise<SystemCall[]> {
  const { strace, ended, seen } = startStrace(options, command);
  const said = text(strace.stderr);
  const [code] = await ended;
  if (code !== 0) throw new Error(`the command ended with ${code}: ${await said}`);
  return seen();
}

function startStrace({ calls, inject, path }: TraceOptions, target: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-strace-'));
  const file = join(folder, 'trace');
  const what = ['-e', `trace=${calls.join()}`];
  if (inject) what.push('-e', `inject=${inject}`);
  if (path) what.push('-P', path);
  const form = ['-f', '-y', '-xx', '-s', String(STRING_BYTES), '-o', file];
  const strace = spawn('strace', [...form, ...what, ...target], { stdio: ['ignore', 'ignore', 'pipe'] });
  const seen = (): SystemCall[] => {
    const found = parse(readFileSync(file, 'latin1'));
    rmSync(folder, { recursive: true });
    return found;
  };
  return { strace, ended: once(strace, 'exit'), seen };
}

interface Begun {
  readonly at: number;
  readonly text: string;
}

/** A call that another thread's line interrupts is written in two pieces, which are put together again. */
export function parse(lines: string): SystemCall[] {
  const begun = new Map<string, Begun>();
  const calls: SystemCall[] = [];
  for (const [at, line] of lines.split('\n').entries()) {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (rest.endsWith('<unfinished ...>')) {
      begun.set(thread, { at, text: rest.slice(0, -'<unfinished ...>'.length) });
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const start = resumed ? begun.get(thread) : undefined;
    const whole = resumed ? (start?.text ?? '') + resumed[1] : rest;
    const call = parseCall(whole);
    if (call) calls.push({ ...call, thread, began: start?.at ?? at, ended: at });
    begun.delete(thread);
  }
  return calls;
}

function parseCall(text: string): Omit<SystemCall, 'thread' | 'began' | 'ended'> | undefined {
  const [, name, args = '', result] = /^(\w+)\((.*)\) += (-?\d+)/.exec(text) ?? [];
  if (name === undefined) return undefined;
  const strings = [...args.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex = '']) =>
    Buffer.from(hex.replaceAll('\\x', ''), 'hex'),
  );
  const onDescriptor = /^\d+<([^>]*)>/.exec(args)?.[1];
  const named = /^(rename|mkdir|openat)/.test(name) ? strings.map((bytes) => bytes.toString('utf8')) : [];
  return {
    name,
    paths: onDescriptor === undefined ? named : [decodePath(onDescriptor)],
    bytes: Buffer.concat(strings),
    result: Number(result),
  };
}

const decodePath = (text: string): string =>
  text.includes('\\x') ? Buffer.from(text.replaceAll('\\x', ''), 'hex').toString('utf8') : text;
