/** Every command of the line: the short ones for files, those of the server, and one for each operation. */
import type { Command } from './command.ts';
import { completionOf } from './completion.ts';
import { derivedCommands } from './derived.ts';
import { serverCommands } from './server/commands.ts';
import { statusCommands } from './server/status.ts';
import { agentCommands } from './shell/agents.ts';
import { auditCommands } from './shell/audit.ts';
import { eventCommands } from './shell/events.ts';
import { importCommand } from './shell/import.ts';
import { jobCommands } from './shell/jobs.ts';
import { shellCommands } from './shell/shell.ts';
import { transferCommands } from './shell/transfer.ts';
import { uploadCommand } from './shell/upload-command.ts';
import { userCommands } from './shell/users.ts';

/** Written by hand where a person wants more than the answer of one operation; they win over the derived ones. */
const written: readonly Command[] = [
  ...serverCommands,
  ...statusCommands,
  ...shellCommands,
  ...transferCommands,
  importCommand,
  uploadCommand,
  ...eventCommands,
  ...auditCommands,
  ...agentCommands,
  ...jobCommands,
  ...userCommands,
  completionOf(() => allCommands),
];
const taken = new Set(written.map((command) => command.words));

export const allCommands: readonly Command[] = [
  ...written,
  ...derivedCommands.filter((command) => !taken.has(command.words)),
];
