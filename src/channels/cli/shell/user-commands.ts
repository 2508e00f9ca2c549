/** Commands of users, whose work is loaded when one of them runs. */
import type { Command } from '../command.ts';
import { lineOf, optionsOf } from '../derived.ts';
import { text } from './options.ts';

const ZONE = text('zone-id', 'zone of the user; the own one unless given');

/** Parameters of `key create` that a user decides. */
const DECIDED = new Set(['user-id', 'subject-type', 'subject-id', 'inherit-permissions', 'label']);

const loading =
  (work: keyof typeof import('./users.ts')): Command['run'] =>
  async (scene, typed) => {
    await (await import('./users.ts'))[work](scene, typed);
    return undefined;
  };

const create: Command = {
  words: 'user create',
  summary: 'Make a user: a key that stands for it, whose text is shown once.',
  args: ['user_id'],
  get options() {
    return optionsOf(lineOf('key create')).filter(({ name }) => !DECIDED.has(name));
  },
  run: loading('createUser'),
};

const list: Command = {
  words: 'user list',
  summary: 'List the users that have keys.',
  args: [],
  options: [ZONE],
  run: loading('listUsers'),
};

const remove: Command = {
  words: 'user delete',
  summary: 'Revoke all keys of a user: they stop working with the next request.',
  args: ['user_id'],
  options: [ZONE],
  run: loading('deleteUser'),
};

export const userCommands: readonly Command[] = [create, list, remove];
