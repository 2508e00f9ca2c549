/** The servers that share a database, as people read them. */
import type { HealthBody } from '../../../core/call/cluster.ts';
import type { Command } from '../command.ts';
import { derivedCommand } from '../derived.ts';
import { show } from '../show.ts';
import { paint, type Terminal, table } from '../terminal.ts';
import { fromNow } from './job-texts.ts';

type Style = Parameters<typeof paint>[1];
const STYLES: Readonly<Record<string, Style>> = {
  healthy: 'green',
  draining: 'yellow',
  degraded: 'yellow',
  down: 'red',
};

const COLUMNS = [
  { title: 'NODE' },
  { title: 'STATUS', style: (cell: string): Style | undefined => STYLES[cell] },
  ...['REGION', 'VERSION', 'LAST SEEN'].map((title) => ({ title })),
];

function list(terminal: Terminal, answer: unknown): void {
  if (terminal.json) {
    show(terminal, answer);
    return;
  }
  const now = Date.now();
  const { nodes, status, healthy_nodes } = answer as HealthBody;
  table(
    terminal,
    COLUMNS,
    nodes.map((node) => [node.id, node.status, node.region ?? '', node.version, fromNow(node.last_seen, now)]),
  );
  terminal.err(
    `${paint(terminal, STYLES[status] ?? 'red', status)}: ${healthy_nodes.length} of ${nodes.length} serve\n`,
  );
}

export const nodeViews: readonly Command[] = [derivedCommand('node list', list)];
