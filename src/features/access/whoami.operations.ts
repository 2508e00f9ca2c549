/** Who the caller is (access.md §1). Always an answer: without a working credential it says that there is none. */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import type { Operation } from '../../core/operation.ts';

const nothing = z.object({});

const known = z.object({
  authenticated: z.literal(true),
  subject_type: z.string(),
  subject_id: z.string(),
  user: z.string(),
  user_id: z.string(),
  zone_id: z.string(),
  role: z.string(),
  is_admin: z.boolean(),
  inherit_permissions: z.boolean(),
  key_id: z.string().nullable(),
  agent_id: z.string().nullable(),
  tenant_id: z.string(),
  scopes: z.array(z.string()),
  session_id: z.string().nullable(),
  auth_method: z.string(),
  expires_at: z.string().nullable(),
});
const output = z.union([known, z.object({ authenticated: z.literal(false) })]);

export const whoami: Operation<z.infer<typeof nothing>, z.infer<typeof output>> = {
  name: 'caller.whoami',
  summary: 'Say who the caller is and what its key is.',
  effect: 'read',
  who: 'public',
  zone: 'caller',
  input: nothing,
  output,
  faults: [],
  rpc: { name: 'whoami' },
  http: { method: 'GET', path: '/api/auth/whoami' },
  cli: { words: 'whoami' },
  examples: [{ title: 'the caller', input: {} }],
  run: async ({ caller }) => {
    if (caller.key_id === null) return { authenticated: false };
    return {
      authenticated: true,
      subject_type: caller.subject_type,
      subject_id: caller.subject_id,
      user: caller.user_id,
      user_id: caller.user_id,
      zone_id: caller.zone_id,
      role: caller.role,
      is_admin: caller.is_admin,
      inherit_permissions: caller.inherit_permissions,
      key_id: caller.key_id,
      agent_id: caller.agent_id,
      tenant_id: caller.zone_id,
      scopes: [],
      session_id: null,
      auth_method: 'api_key',
      expires_at: caller.expires_at === null ? null : isoTime(caller.expires_at),
    };
  },
};
