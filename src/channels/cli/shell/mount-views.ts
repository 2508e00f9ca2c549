/** Mounts and kinds of stores as people read them: tables, and in a line what came of a change. */
import type { ConnectorObject, MountObject, SavedObject } from '../../../features/mounts/mount-object.ts';
import type { Command } from '../command.ts';
import { derivedCommand } from '../derived.ts';
import { show } from '../show.ts';
import { paint, type Terminal, table, timeText } from '../terminal.ts';

type Style = Parameters<typeof paint>[1];
const STYLES: Readonly<Record<string, Style>> = { active: 'green', unreachable: 'red' };

const titles = (...names: string[]): { title: string }[] => names.map((title) => ({ title }));

/** Where it leads, as far as a configuration tells that by one field. */
const placeOf = ({ backend_config }: SavedObject): string => {
  const { root_path, bucket, prefix } = backend_config;
  return [root_path ?? bucket, prefix].filter((part) => typeof part === 'string').join('/');
};

const modeOf = ({ readonly, write_mode }: SavedObject): string => (readonly ? 'read-only' : write_mode);

const MOUNTS = [
  { title: 'MOUNT POINT' },
  { title: 'STATE', style: (cell: string): Style | undefined => STYLES[cell] },
  ...titles('TYPE', 'WRITES', 'WHERE', 'WHAT'),
];

const list = derivedCommand('mount list', (terminal, answer) => {
  if (terminal.json) return show(terminal, answer);
  const { mounts } = answer as { readonly mounts: readonly MountObject[] };
  table(
    terminal,
    MOUNTS,
    mounts.map((one) => [one.mount_point, one.state, one.type, modeOf(one), placeOf(one), one.description]),
  );
  for (const { mount_point, last_error } of mounts) {
    if (last_error !== null) terminal.err(`${mount_point}: ${last_error}\n`);
  }
});

const listSaved = derivedCommand('mount list-saved', (terminal, answer) => {
  if (terminal.json) return show(terminal, answer);
  const { mounts } = answer as { readonly mounts: readonly SavedObject[] };
  table(
    terminal,
    titles('MOUNT POINT', 'TYPE', 'WRITES', 'WHERE', 'SAVED', 'WHAT'),
    mounts.map((one) => [
      one.mount_point,
      one.type,
      modeOf(one),
      placeOf(one),
      timeText(one.created_at),
      one.description,
    ]),
  );
  if (mounts.length > 0) terminal.err('activate one: nexus mount load MOUNT_POINT\n');
});

const connectors = derivedCommand('connector list', (terminal, answer) => {
  if (terminal.json) return show(terminal, answer);
  const { connectors: kinds } = answer as { readonly connectors: readonly ConnectorObject[] };
  table(
    terminal,
    titles('TYPE', 'CATEGORY', 'TAKES', 'WHAT'),
    kinds.map((one) => [one.type, one.category, fieldsOf(one), one.description]),
  );
});

/** Fields of a configuration; those that may be left out with a question mark. */
function fieldsOf({ config_schema }: ConnectorObject): string {
  const { properties = {}, required = [] } = config_schema as { properties?: object; required?: readonly string[] };
  return Object.keys(properties)
    .map((name) => (required.includes(name) ? name : `${name}?`))
    .join(' ');
}

/** What is mounted now, in a line; `--json` has all of it. */
function mounted(terminal: Terminal, answer: unknown): void {
  if (terminal.json) {
    show(terminal, answer);
    return;
  }
  const one = answer as MountObject;
  const state = one.state === undefined ? 'saved' : one.state;
  terminal.out(
    `${one.mount_point} is ${paint(terminal, STYLES[state] ?? 'dim', state)}: ${one.type} ${placeOf(one)}\n`,
  );
}

/** What a change says that answers whether there was anything to change. */
const changed = (done: string, none: string) => (terminal: Terminal, answer: unknown) => {
  if (terminal.json) show(terminal, answer);
  else terminal.out(`${answer === true ? done : none}\n`);
};

export const mountViews: readonly Command[] = [
  list,
  listSaved,
  connectors,
  ...['add', 'save', 'load'].map((verb) => derivedCommand(`mount ${verb}`, mounted)),
  derivedCommand('mount remove', changed('removed; what lies in the store stays there', 'nothing was mounted there')),
  derivedCommand('mount forget', changed('forgotten; an active mount stays', 'nothing was saved for it')),
];
