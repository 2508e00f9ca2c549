/** The failure of a command: one line for a person, the whole fault for a program, and the exit code (workflows.md §1.2). */
import { NexusError, UnreachableError } from '../../../client/errors.ts';
import { exitCodeOf, Fault } from '../../base/faults.ts';
import { type Command, UsageError } from './command.ts';
import type { Terminal } from './terminal.ts';

/** No server at the URL. */
const EXIT_UNREACHABLE = 3;
const EXIT_USAGE = 2;

export function explain(terminal: Terminal, thrown: unknown, hints: Command['hints'] = {}): number {
  if (thrown instanceof UsageError) {
    terminal.err(`nexus: ${thrown.message}\n`);
    return EXIT_USAGE;
  }
  if (thrown instanceof UnreachableError) {
    terminal.err(`nexus: ${thrown.message}; start one with: nexus start\n`);
    return EXIT_UNREACHABLE;
  }
  if (thrown instanceof NexusError) {
    const hint = thrown.status === 401 ? 'give a key with --key or NEXUS_API_KEY' : hints[thrown.code];
    if (terminal.json) {
      const { code, message, retryable, data, requestId } = thrown;
      const error = { code, message, retryable, data, ...(hint === undefined ? {} : { hint }) };
      terminal.err(`${JSON.stringify({ error, request_id: requestId })}\n`);
    } else {
      terminal.err(`nexus: ${thrown.message} [${thrown.code}]\n`);
      if (hint !== undefined) terminal.err(`  ${hint}\n`);
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
