/** The failure of a command: one line for a person, the whole fault for a program, and the exit code (workflows.md §1.2). */
import { NexusError, UnreachableError } from '../../../client/errors.ts';
import { exitCodeOf, Fault, MISSING } from '../../base/faults.ts';
import { type Command, UsageError } from './command.ts';
import { safe, type Terminal } from './terminal.ts';

/** No server at the URL. */
export const EXIT_UNREACHABLE = 3;
const EXIT_USAGE = 2;

const NO_KEY = 'give a key with --key or NEXUS_API_KEY';

/** What those who may do it type to grant a file that was denied. */
function howToGrant({ code, data }: NexusError): string | undefined {
  const { relation, object } = (data.missing ?? {}) as { relation?: string; object?: readonly string[] };
  if (code !== 'ACCESS_DENIED' || relation === undefined || object?.[0] !== 'file') return undefined;
  return `they run: nexus share create ${object[1]} --relation ${relation} --user-id YOU (nexus whoami tells who that is)`;
}

/** A parameter that is missing is told as what is typed for it. */
function messageFor({ message, code, data }: NexusError, command: Explained): string {
  const [issue] = (Array.isArray(data.issues) ? data.issues : []) as { path: string; message: string }[];
  if (code !== 'INVALID_PARAMS' || !issue?.message.startsWith(MISSING)) return message;
  const typed = issue.path.replaceAll('_', '-');
  if (command.options?.some(({ name }) => name === typed)) return `--${typed} ${issue.message}`;
  return command.args?.some((arg) => arg.replace(/\W+$/, '') === issue.path)
    ? `${issue.path.toUpperCase()} ${issue.message}`
    : message;
}

type Explained = Partial<Pick<Command, 'hints' | 'options' | 'args'>>;

export function explain(terminal: Terminal, thrown: unknown, command: Explained = {}): number {
  if (thrown instanceof UsageError) {
    terminal.err(`nexus: ${thrown.message}\n`);
    return EXIT_USAGE;
  }
  if (thrown instanceof UnreachableError) {
    terminal.err(`nexus: ${thrown.message}; start one with: nexus start\n`);
    return EXIT_UNREACHABLE;
  }
  if (thrown instanceof NexusError) {
    const hint = thrown.status === 401 ? NO_KEY : (command.hints?.[thrown.code] ?? howToGrant(thrown));
    if (terminal.json) {
      const { code, message, retryable, data, requestId } = thrown;
      const error = { code, message, retryable, data, ...(hint === undefined ? {} : { hint }) };
      terminal.err(`${JSON.stringify({ error, request_id: requestId })}\n`);
    } else {
      terminal.err(`nexus: ${safe(messageFor(thrown, command))} [${thrown.code}]\n`);
      if (hint !== undefined) terminal.err(`  ${safe(hint)}\n`);
    }
    return exitCodeOf(thrown.status);
  }
  if (thrown instanceof Fault) {
    terminal.err(`nexus: ${thrown.message} [${thrown.code}]\n`);
    return exitCodeOf(thrown.row.http);
  }
  terminal.err(`nexus: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
  return 1;
}
