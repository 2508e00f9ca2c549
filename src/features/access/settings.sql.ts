/** Values that all nodes share and none is configured with. */
import type { Tx } from '../../ports/sql.ts';

/** The value of a name: the one that is there, else this one from now on. Nodes that ask at once get the same. */
export async function keepSetting(tx: Tx, name: string, value: string): Promise<string> {
  await tx.run('INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING', [name, value]);
  const row = await tx.get<{ value: string }>('SELECT value FROM settings WHERE name = ?', [name]);
  return row?.value ?? value;
}

/** From now on the value is this one. */
export async function setSetting(tx: Tx, name: string, value: string): Promise<void> {
  await tx.run('UPDATE settings SET value = ? WHERE name = ?', [value, name]);
}

/** The value is this one, whatever it was, and whether there was one. */
export async function putSetting(tx: Tx, name: string, value: string): Promise<void> {
  await tx.run(
    'INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
    [name, value],
  );
}

export async function findSetting(tx: Tx, name: string): Promise<string | undefined> {
  return (await tx.get<{ value: string }>('SELECT value FROM settings WHERE name = ?', [name]))?.value;
}
