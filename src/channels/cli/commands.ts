/** Every command of the line: the short ones for files, those of the server, and one for each operation. */
import type { Command } from './command.ts';
import { derivedCommands, loadedCommands } from './derived.ts';
import { serverCommands } from './server/commands.ts';
import { statusCommands } from './server/status.ts';
import { agentCommands } from './shell/agents.ts';
import { auditCommands } from './shell/audit-commands.ts';
import { backupCommands } from './shell/backup-commands.ts';
import { conflictContent } from './shell/conflict-content.ts';
import { corpusCommands } from './shell/corpus/commands.ts';
import { eventCommands } from './shell/event-commands.ts';
import { importCommand } from './shell/import.ts';
import { mcpMountAdd } from './shell/mcp-mount.ts';
import { shellCommands } from './shell/shell.ts';
import { transferCommands } from './shell/transfer.ts';
import { uploadCommand } from './shell/upload-command.ts';
import { userCommands } from './shell/user-commands.ts';
import { zoneCommands } from './shell/zone-commands.ts';

/** What shell/jobs.ts has. */
export const JOB_LINES = [
  ...['list', 'submit', 'get', 'cancel', 'retry'].map((verb) => `job ${verb}`),
  ...['list', 'claim', 'submit', 'get', 'complete', 'fail', 'types'].map((verb) => `scheduler ${verb}`),
  ...['schedule run', 'schedule list', 'worker list'],
];

/** What shell/brick-views.ts has. */
export const BRICK_LINES = ['list', 'mount', 'unmount', 'remount', 'reset'].map((verb) => `brick ${verb}`);

/** What shell/sync-views.ts has. */
export const SYNC_LINES = ['sync push', 'sync pull', 'sync status', 'conflict list', 'conflict resolve'];

/** What shell/mount-views.ts has. */
export const MOUNT_LINES = [
  ...['list', 'list-saved', 'add', 'save', 'load', 'remove', 'forget'].map((verb) => `mount ${verb}`),
  'connector list',
];

/** What shell/file-views.ts has. */
export const FILE_LINES = ['edit', 'delete-bulk', 'rename-bulk'].map((verb) => `file ${verb}`);

/** What shell/access-views.ts has. */
export const ACCESS_LINES = ['schema get', 'schema set', 'tuple explain'];

/** Written by hand where a person wants more than the answer of one operation; they win over the derived ones. */
const written: readonly Command[] = [
  ...serverCommands,
  ...statusCommands,
  ...shellCommands,
  ...transferCommands,
  importCommand,
  uploadCommand,
  { ...uploadCommand, words: 'upload send' },
  ...eventCommands,
  ...auditCommands,
  ...agentCommands,
  ...loadedCommands(JOB_LINES, async () => (await import('./shell/jobs.ts')).jobCommands),
  ...loadedCommands(['node list'], async () => (await import('./shell/node-views.ts')).nodeViews),
  ...loadedCommands(BRICK_LINES, async () => (await import('./shell/brick-views.ts')).brickViews),
  ...loadedCommands(SYNC_LINES, async () => (await import('./shell/sync-views.ts')).syncViews),
  ...loadedCommands(MOUNT_LINES, async () => (await import('./shell/mount-views.ts')).mountViews),
  ...loadedCommands(ACCESS_LINES, async () => (await import('./shell/access-views.ts')).accessViews),
  ...loadedCommands(FILE_LINES, async () => (await import('./shell/file-views.ts')).fileViews),
  ...loadedCommands(['tree diff'], async () => (await import('./shell/tree-views.ts')).treeViews),
  ...loadedCommands(['zone list'], async () => (await import('./shell/zone-views.ts')).zoneViews),
  ...loadedCommands(
    ['content status', 'content check'],
    async () => (await import('./shell/content-views.ts')).contentViews,
  ),
  mcpMountAdd,
  conflictContent,
  ...corpusCommands,
  ...backupCommands,
  ...zoneCommands,
  ...userCommands,
  {
    words: 'mcp',
    summary: 'Speak MCP on standard input and output, with the key of this line: for agents that start their tools.',
    args: [],
    options: [],
    run: async ({ transport, terminal }) =>
      (await import('./shell/mcp.ts')).runMcp(transport(), terminal, process.stdin),
  },
  {
    words: 'completion',
    summary: 'Print a script for bash, zsh or fish: eval "$(nexus completion bash)".',
    args: ['shell'],
    options: [],
    run: async ({ terminal }, { args: [shell = ''] }) => {
      terminal.out((await import('./completion.ts')).completionFor(shell, allCommands));
      return undefined;
    },
  },
];
const byWords = new Map(written.map((command) => [command.words, command]));
const ofOperations = new Set(derivedCommands.map(({ words }) => words));

/** Commands of operations are in the order of these, however they are shown: create, list, get. */
export const allCommands: readonly Command[] = [
  ...written.filter(({ words }) => !ofOperations.has(words)),
  ...derivedCommands.map((command) => byWords.get(command.words) ?? command),
];
