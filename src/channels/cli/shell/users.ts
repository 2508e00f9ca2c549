/**
 * user create, list and delete. A user is whoever keys stand for: made with the first key, gone with the last one; what it
 * was granted stays.
 */
import type { Result } from '../../../../client/wire.ts';
import { Fault } from '../../../base/faults.ts';
import { plural } from '../../../base/plural.ts';
import { type Scene, type Typed, UsageError } from '../command.ts';
import { lineOf, paramsOf, send } from '../derived.ts';
import { show } from '../show.ts';
import { safe, table, timeText } from '../terminal.ts';
import { textOf } from './options.ts';

type Page = Result<'admin_list_keys'>;
type Key = Page['keys'][number];

interface User {
  readonly user_id: string;
  readonly zone_id: string;
  readonly keys: readonly Key[];
}

const KEYS_A_PAGE = 1_000;

export async function createUser(scene: Scene, typed: Typed): Promise<void> {
  const line = lineOf('key create');
  const user_id = idOf(typed);
  const given = paramsOf({ ...line, args: [] }, { ...typed, args: [] });
  const answer = await send(scene.transport(), line, { name: user_id, ...given, user_id, subject_type: 'user' });
  show(scene.terminal, answer);
}

export async function listUsers(scene: Scene, typed: Typed): Promise<void> {
  const users = await usersOf(scene, { zone_id: textOf(typed, 'zone-id') });
  if (scene.terminal.json) show(scene.terminal, { users });
  else if (users.length === 0) scene.terminal.err('nothing\n');
  else table(scene.terminal, COLUMNS, users.map(rowOf));
}

const COLUMNS = ['USER', 'ZONE', 'ROLES', 'KEYS', 'LAST USED'].map((title) => ({ title, right: title === 'KEYS' }));

const rowOf = ({ user_id, zone_id, keys }: User): string[] => {
  const used = keys.flatMap(({ last_used_at }) => last_used_at ?? []).sort();
  const last = used.at(-1);
  return [
    user_id,
    zone_id,
    [...new Set(keys.map(({ role }) => role))].sort().join(', '),
    String(keys.length),
    last === undefined ? 'never' : timeText(last),
  ];
};

export async function deleteUser(scene: Scene, typed: Typed): Promise<void> {
  const user_id = idOf(typed);
  const [user, ...others] = await usersOf(scene, { user_id, zone_id: textOf(typed, 'zone-id') });
  if (!user) throw new Fault('NOT_FOUND', `User not found: no key stands for user ${safe(user_id)}`);
  if (others.length > 0) {
    const zones = [user, ...others].map(({ zone_id }) => zone_id);
    throw new UsageError(`there is a user ${safe(user_id)} in the zones ${zones.join(', ')}: name one by --zone-id`);
  }
  const transport = scene.transport();
  const line = lineOf('key revoke');
  for (const { key_id } of user.keys) await send(transport, line, { key_id });
  const key_ids = user.keys.map(({ key_id }) => key_id);
  if (scene.terminal.json) show(scene.terminal, { deleted: true, user_id, zone_id: user.zone_id, key_ids });
  else scene.terminal.err(`deleted ${safe(user_id)}: ${plural(key_ids.length, 'key')} revoked\n`);
}

const idOf = ({ args: [user_id = ''] }: Typed): string => user_id;

/** By zone and id. */
async function usersOf(scene: Scene, filter: { zone_id: string | undefined; user_id?: string }): Promise<User[]> {
  const transport = scene.transport();
  const line = lineOf('key list');
  const given = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
  const keys: Key[] = [];
  let cursor: string | null = null;
  do {
    const next: object = cursor === null ? {} : { cursor };
    const page = (await send(transport, line, { ...given, ...next, limit: KEYS_A_PAGE })) as Page;
    keys.push(...page.keys.filter(({ subject_type }) => subject_type === 'user'));
    cursor = page.next_cursor;
  } while (cursor !== null);
  const groups = Map.groupBy(keys, ({ zone_id, subject_id }) => JSON.stringify([zone_id, subject_id]));
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, of]) => (of[0] ? [{ user_id: of[0].subject_id, zone_id: of[0].zone_id, keys: of }] : []));
}
