/** Why a look at an MCP server failed, in a line for whoever mounted it. Guarantee: no secret of its place is in it. */
import { type ToolPlace, ToolServerError } from '../../ports/tool-servers.ts';

const MESSAGE_CHARACTERS = 500;
/** Shorter ones are words of every message. */
const SECRET_CHARACTERS = 4;

interface Known {
  /** What a program said on its error stream. */
  readonly said: string;
  readonly timeUp: boolean;
}

export function failureOf(thrown: unknown, place: ToolPlace, { said, timeUp }: Known): ToolServerError {
  const why = timeUp ? 'did not answer in time' : messageOf(thrown);
  const last = said.trim().split('\n').at(-1) ?? '';
  const message = last === '' ? why : `${why}; it said: ${last}`;
  return new ToolServerError(withoutSecrets(message, place).slice(0, MESSAGE_CHARACTERS), thrown);
}

/** What was wrong first stands in causes: whoever fetches wraps it. */
function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  if (thrown instanceof AggregateError && thrown.message === '') return messageOf(thrown.errors[0]);
  const own = (thrown.message || thrown.name).replace(/:?\s*$/, statusOf(thrown));
  const inner = thrown.cause instanceof Error ? messageOf(thrown.cause) : '';
  return own.includes(inner) ? own : `${own}: ${inner}`;
}

/** Of an answer by HTTP that was no good. */
function statusOf(thrown: Error): string {
  const { status } = thrown as { readonly status?: unknown };
  return typeof status === 'number' && !thrown.message.includes(String(status)) ? ` (HTTP ${status})` : '';
}

function secretsOf(place: ToolPlace): string[] {
  if (place.transport === 'stdio') return [...Object.values(place.env), ...place.args];
  const { search, username, password } = new URL(place.url);
  const words = Object.values(place.headers).flatMap((value) => [value, ...value.split(' ')]);
  return [...words, search.slice(1), decodeURIComponent(password), decodeURIComponent(username)];
}

function withoutSecrets(message: string, place: ToolPlace): string {
  let shown = message.replaceAll('\u0000', '').toWellFormed();
  for (const secret of secretsOf(place)) {
    if (secret.length >= SECRET_CHARACTERS) shown = shown.replaceAll(secret, '***');
  }
  return shown;
}
