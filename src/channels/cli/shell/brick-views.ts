/** Bricks as people read them: a table of what is there, and what came of a change. */
import type { BrickList } from '../../../features/bricks/bricks.operations.ts';
import type { Command } from '../command.ts';
import { derivedCommand } from '../derived.ts';
import { show } from '../show.ts';
import { paint, type Terminal, table, timeText } from '../terminal.ts';

type Brick = BrickList['bricks'][number];

type Style = Parameters<typeof paint>[1];
const STYLES: Readonly<Record<string, Style>> = {
  active: 'green',
  starting: 'yellow',
  stopping: 'yellow',
  unmounted: 'dim',
  failed: 'red',
};

const COLUMNS = [
  { title: 'BRICK' },
  { title: 'STATE', style: (cell: string): Style | undefined => STYLES[cell] },
  ...['SINCE', 'ESSENTIAL', 'REQUIRES', 'WHAT'].map((title) => ({ title })),
];

const sinceOf = ({ state, started_at, stopped_at, unmounted_at }: Brick): string => {
  const since = state === 'unmounted' ? unmounted_at : state === 'stopping' ? stopped_at : started_at;
  return since === null ? '' : timeText(since);
};

const list = derivedCommand('brick list', (terminal, answer) => {
  if (terminal.json) return show(terminal, answer);
  const { bricks, total, active } = answer as BrickList;
  table(
    terminal,
    COLUMNS,
    bricks.map((one) => [
      one.name,
      one.state,
      sinceOf(one),
      one.essential ? 'yes' : '',
      one.requires.join(', '),
      one.description,
    ]),
  );
  if (active < total) terminal.err(`${active} of ${total} active; bring one back: nexus brick mount NAME\n`);
});

interface Changed {
  readonly name: string;
  readonly state: Brick['state'];
  readonly changed: boolean;
  readonly task_id?: string;
}

function changed(terminal: Terminal, answer: unknown): void {
  if (terminal.json) {
    show(terminal, answer);
    return;
  }
  const { name, state, changed: moved, task_id } = answer as Changed;
  terminal.out(`${name} is ${paint(terminal, STYLES[state] ?? 'dim', state)}${moved ? '' : ', as it was'}\n`);
  if (task_id !== undefined) terminal.err(`what it had derived is made again: nexus job get ${task_id}\n`);
}

export const brickViews: readonly Command[] = [
  list,
  ...['mount', 'unmount', 'remount', 'reset'].map((verb) => derivedCommand(`brick ${verb}`, changed)),
];
