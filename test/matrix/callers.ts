/**
 * Who calls in the matrix: every role there is, in a zone with twins of what it may be asked for, with every grant there is
 * or none. Guarantee: each caller is a subject of its own, so none has what another was given.
 */
import type { Role } from '../../src/core/operation.ts';
import type { TestServer } from '../harness.ts';

export const LEVELS = ['nothing', 'viewer', 'editor', 'owner'] as const;
export type Level = (typeof LEVELS)[number];

/** `nobody` shows no credential; `none` has a key with a role that does not exist; `root-…` live in zone root. */
export const ROLES_ASKED = [
  'nobody',
  'none',
  'viewer',
  'operator',
  'researcher',
  'admin',
  'root-operator',
  'root-admin',
] as const;
export type AskedRole = (typeof ROLES_ASKED)[number];

export const HERE = 'here';
export const THERE = 'there';
export const MISSING = 'never-was';

export const homeOf = (role: AskedRole): string => (role.startsWith('root-') ? 'root' : HERE);
export const roleOf = (role: AskedRole): Role | 'none' =>
  role === 'nobody' ? 'none' : (role.replace('root-', '') as Role | 'none');

export interface MatrixCaller {
  readonly role: AskedRole;
  readonly level: Level;
  readonly subject: string;
  /** Empty: no credential. */
  readonly key: string;
}

/** Where the grant of a caller is. */
export type Spot = '/' | '/given';

/** The caller with this role and this grant at this place. */
export type FindCaller = (role: AskedRole, level: Level, spot: Spot) => MatrixCaller;

export async function makeCallers(server: TestServer): Promise<FindCaller> {
  const callers = new Map<string, MatrixCaller>();
  for (const role of ROLES_ASKED) {
    for (const level of LEVELS) {
      for (const spot of ['/', '/given'] as const) {
        const subject = `${role}-${level}-${spot === '/' ? 'root' : 'given'}`;
        callers.set(`${role} ${level} ${spot}`, {
          role,
          level,
          subject,
          key: await makeKey(server, { role, level, spot, subject }),
        });
      }
    }
  }
  await server.sql.write(HERE, async (tx) => {
    await tx.run("UPDATE keys SET role = 'king' WHERE subject_id LIKE 'none-%'");
    await tx.run('UPDATE zones SET access_revision = access_revision + 1');
  });
  return (role, level, spot) => {
    const caller = callers.get(`${role} ${level} ${spot}`);
    if (!caller) throw new Error(`no caller ${role} ${level} ${spot}`);
    return caller;
  };
}

async function makeKey(
  server: TestServer,
  { role, level, spot, subject }: { role: AskedRole; level: Level; spot: Spot; subject: string },
): Promise<string> {
  if (role === 'nobody') return '';
  const grants = level === 'nothing' ? [] : [[`direct_${level}`, spot] as const];
  const given = roleOf(role);
  return server.addKey({ zone_id: homeOf(role), subject, role: given === 'none' ? 'viewer' : given, grants });
}
