/**
 * The doors of the server as one function each: an operation and its input in, the answer or the fault out. An operation
 * that a door does not have goes through the nearest one that has it, so that every zone sees the same steps.
 */
import { createClient, NexusError } from '../../client/index.ts';
import { encodeBytes, filePath, Transport } from '../../client/transport.ts';
import { exitCodeOf, FAULTS } from '../../src/base/faults.ts';
import { nameOf, optionName } from '../../src/channels/cli/parse-line.ts';
import { runLine } from '../../src/channels/cli/run-line.ts';
import type { AnyOperation } from '../../src/core/operation.ts';
import { type Tool, toolOf } from '../../src/core/tools.ts';

type Input = Readonly<Record<string, unknown>>;

export interface Asked {
  readonly operation: AnyOperation;
  readonly input: Input;
  /** Of a stream without end: items to wait for. */
  readonly take?: number | undefined;
}

export interface Place {
  readonly url: string;
  readonly key: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Outcome = { readonly answer: unknown } | { readonly fault: string; readonly message: string };

export type Door = (place: Place, asked: Asked) => Promise<Outcome>;

/** HTTP status of a code of the table; undefined for a word that is none. */
const statusOf = (code: string): number | undefined =>
  Object.entries(FAULTS).find(([known]) => known === code)?.[1].http;

function check(what: string, has: unknown, wanted: unknown): void {
  if (has !== wanted) throw new Error(`${what} is ${has}, not ${wanted}`);
}

/** What a client gave or threw; the status of a failure has to be that of its code. */
async function outcomeOf(answer: Promise<unknown>): Promise<Outcome> {
  try {
    return { answer: encodeBytes((await answer) ?? null) };
  } catch (thrown) {
    if (!(thrown instanceof NexusError)) throw thrown;
    const { code, message, status } = thrown;
    check(`status of ${code}`, status, statusOf(code));
    return { fault: code, message };
  }
}

interface RpcBody {
  readonly result: unknown;
  readonly error: { readonly message: string; readonly data: { readonly code: string } } | null;
}

const rpc: Door = async (place, asked) => {
  const { operation, input } = asked;
  if (!operation.rpc) return rest(place, asked);
  const method = operation.rpc.name;
  const response = await fetch(`${place.url}/api/nfs/${method}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${place.key}`, 'content-type': 'application/json', ...place.headers },
    body: JSON.stringify({ jsonrpc: '2.0', method, params: input, id: 7 }),
  });
  const { result, error } = (await response.json()) as RpcBody;
  return error ? { fault: error.data.code, message: error.message } : { answer: result };
};

const queryOf = (input: Input): string =>
  new URLSearchParams(Object.entries(input).map(([name, value]) => [name, String(value)])).toString();

/** Files as plain bytes stand for these operations; their bindings are the door's own. */
const BYTES: Readonly<Record<string, (transport: Transport, input: Input) => Promise<unknown>>> = {
  'file.open': async (transport, { path, ...query }) =>
    (await transport.raw({ method: 'GET', path: `${filePath(String(path))}?${queryOf(query)}` })).text(),
  'file.write': async (transport, { path, content, content_type, ...query }) =>
    transport.rest({
      method: 'PUT',
      path: `${filePath(String(path))}?${queryOf(query)}`,
      body: new TextEncoder().encode(String(content)),
      headers: typeof content_type === 'string' ? { 'content-type': content_type } : {},
    }),
};

const rest: Door = async (place, asked) => {
  const { operation, input } = asked;
  const transport = new Transport(place);
  const bytes = BYTES[operation.name];
  if (asked.take !== undefined) return outcomeOf(firstFrames(transport, asked, asked.take));
  if (bytes) return outcomeOf(bytes(transport, input));
  const { http } = operation;
  if (!http) return rpc(place, asked);
  const left = { ...input };
  const path = http.path.replace(/:(\w+)/g, (_all, name: string) => {
    const part = encodeURIComponent(String(left[name]));
    delete left[name];
    return part;
  });
  const inQuery = http.method === 'GET' || http.method === 'DELETE';
  const body = inQuery ? undefined : left;
  const { headers = {} } = place;
  const target = inQuery ? `${path}?${queryOf(left)}` : path;
  return outcomeOf(transport.rest({ method: http.method, path: target, body, headers }));
};

/** The items of a stream as they stand behind `data:`. */
async function firstFrames(transport: Transport, { operation, input }: Asked, take: number): Promise<unknown[]> {
  const { body } = await transport.raw({ method: 'GET', path: `${operation.http?.path}?${queryOf(input)}` });
  let text = '';
  const decoder = new TextDecoder();
  const items = (): string[] => [...text.matchAll(/^data: (.*)\n/gm)].map(([, data = '']) => data);
  const reader = body!.getReader();
  while (items().length < take) text += decoder.decode((await reader.read()).value, { stream: true });
  await reader.cancel();
  return items()
    .slice(0, take)
    .map((item) => JSON.parse(item));
}

async function firstOf<T>(items: AsyncIterable<T>, take: number): Promise<T[]> {
  const taken: T[] = [];
  for await (const item of items) if (taken.push(item) === take) break;
  return taken;
}

/** What was typed: parameters by position as far as they are given, the others as options. */
function lineOf({ operation, input, take }: Asked): string[] {
  const { words, args = [] } = operation.cli ?? { words: '' };
  const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
  const missing = args.findIndex((arg) => !(nameOf(arg) in input));
  const given = missing < 0 ? args : args.slice(0, missing);
  const positional = given.map(nameOf);
  const typed = given.flatMap((arg) => {
    const value = input[nameOf(arg)];
    const isTexts = Array.isArray(value) && value.flat().every((one) => typeof one === 'string');
    return arg.endsWith('…') && isTexts ? value.flat() : [text(value)];
  });
  const options = Object.entries(input)
    .filter(([name]) => !positional.includes(name))
    .map(([name, value]) => {
      const option = optionName({ words }, name);
      if (typeof value === 'boolean') return value ? `--${option}` : `--no-${option}`;
      return `--${option}=${text(value)}`;
    });
  const end = take === undefined ? [] : [`--take=${take}`];
  return [...words.split(' '), ...typed, ...options, ...end, '--json'];
}

const cli: Door = async (place, asked) => {
  const { operation } = asked;
  if (operation.name === 'file.open') return cat(place, asked);
  if (!operation.cli) return rpc(place, asked);
  const { code, out, err } = await typeLine(place, lineOf(asked));
  if (code === 0 && asked.take !== undefined)
    return {
      answer: out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    };
  // An answer of which a part says that something failed comes with 1; a fault writes no answer.
  if (code === 0 || (code === 1 && out !== '')) return { answer: JSON.parse(out) };
  const { error } = JSON.parse(err) as { error: { code: string; message: string } };
  check(`exit code of ${error.code}`, code, exitCodeOf(statusOf(error.code) ?? 0));
  return { fault: error.code, message: error.message };
};

const cat: Door = async (place, { input: { path, ...view } }) => {
  const options = Object.entries(view).map(([name, value]) => `--${name.replaceAll('_', '-')}=${value}`);
  const { out } = await typeLine(place, ['cat', String(path), ...options]);
  return { answer: out };
};

interface Typed {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function typeLine({ url, key }: Place, line: readonly string[]): Promise<Typed> {
  const out: Uint8Array[] = [];
  const err: string[] = [];
  const code = await runLine(line, {
    settings: { url, key, zone: undefined, configHome: '/nonexistent', color: false },
    terminal: {
      json: true,
      color: false,
      out: (text) => void out.push(Buffer.from(text)),
      err: (text) => void err.push(text),
      bytes: async (bytes) => void out.push(bytes),
    },
  });
  return { code, out: Buffer.concat(out).toString(), err: err.join('') };
}

const client: Door = async (place, asked) => {
  const { operation, input } = asked;
  const typed = createClient(place);
  if (operation.name === 'file.open') {
    const { path, ...view } = input;
    return outcomeOf(typed.readText(String(path), view));
  }
  if (asked.take !== undefined) return outcomeOf(firstOf(typed.followEvents(input), asked.take));
  if (!operation.rpc) return rest(place, asked);
  const call: unknown = Reflect.get(typed, operation.rpc.name);
  if (typeof call !== 'function') throw new Error(`the client has no ${operation.rpc.name}`);
  return outcomeOf(Promise.resolve(call(input)));
};

interface McpAnswer {
  readonly result: { readonly content: readonly { readonly text: string }[]; readonly isError?: boolean };
}

/** Operations that are no tools, streams above all, go by HTTP. */
const mcp: Door = async (place, asked) => {
  const tool = toolOf(asked.operation);
  if (!tool) return rpc(place, asked);
  const response = await fetch(`${place.url}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${place.key}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: tool.name, arguments: asked.input },
    }),
  });
  const [, line = ''] = /^data: (.*)$/m.exec(await response.text()) ?? [];
  const { content, isError } = (JSON.parse(line) as McpAnswer).result;
  const told = JSON.parse(content[0]?.text ?? '');
  // Routes that answer without a body give nothing; the tool says what was done.
  if (!isError)
    return { answer: tool.operation.http?.status === 204 && !tool.operation.rpc ? null : asBytes(asked, told) };
  const { code, message, data } = told.error;
  return { fault: code, message: inWordsOf(tool, message, data) };
};

/** Agents read a text as a text, unless they ask for something else. */
const asBytes = ({ operation, input }: Asked, told: unknown): unknown =>
  operation.name === 'file.read' && input.encoding === undefined && typeof told === 'string'
    ? { __type__: 'bytes', data: Buffer.from(told).toString('base64') }
    : told;

/** A role that is too low is told in the name of the tool; refusals of `/api/v1` have words of their own (infrastructure.md §1). */
function inWordsOf({ name, operation }: Tool, message: string, data: Record<string, unknown>): string {
  const { http, rpc: method } = operation;
  const { role, required_role: required } = data;
  if (required === undefined) return message;
  if (!method && http?.path.startsWith('/api/v1/'))
    return `Access denied: Role '${role}' lacks required permission '${required}'`;
  const told = `Access denied: ${name} takes the role ${required}`;
  return message.startsWith(told) ? message.replace(name, operation.name) : message;
}

let keys = 0;

/** Whatever succeeded is asked for once more, under the same key: that answers the same. */
const again: Door = async (place, asked) => {
  const { operation } = asked;
  const keyed = { ...place, headers: { 'idempotency-key': `again-${keys++}` } };
  const first = await rpc(keyed, asked);
  if ('fault' in first || operation.effect === 'read' || operation.who === 'public') return first;
  const own = operation.repeats === 'own' || operation.http?.headers?.['idempotency-key'] !== undefined;
  if (own || (!operation.rpc && BYTES[operation.name])) return first;
  const second = await rpc(keyed, asked);
  if (operation.repeats !== 'refused') return second;
  check(`a repeat of ${operation.name}`, 'fault' in second && second.fault, 'CONFLICT');
  return first;
};

export const DOORS: Readonly<Record<string, Door>> = { rpc, rest, cli, client, mcp, again };
