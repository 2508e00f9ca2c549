/** Who the caller is (access.md §1). Always an answer: without a working credential it says that there is none. */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import type { Switches } from '../../core/call/switches.ts';
import { MODES } from '../../core/call/tokens.ts';
import type { Caller, Operation } from '../../core/operation.ts';
import { modesOf } from './modes.ts';

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
  tool: 'whoami',
  summary: 'Say who the caller is and what its key is.',
  effect: 'read',
  who: 'public',
  zone: 'caller',
  input: nothing,
  output,
  faults: [],
  rpc: { name: 'whoami' },
  // Always 200 (access.md §1), whatever the URL says beside it.
  http: { method: 'GET', path: '/api/auth/whoami', tolerant: true },
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
      auth_method: caller.token ? 'jwt' : 'api_key',
      expires_at: endOf(caller),
    };
  },
};

/** A token ends with its key, if not before. */
function endOf({ expires_at, token }: Caller): string | null {
  const ends = [expires_at, token?.expires_at].filter((end) => typeof end === 'number');
  return ends.length === 0 ? null : isoTime(Math.min(...ends));
}

const keyOutput = z.object({
  api_key_id: z.string(),
  owner: z.string(),
  role: z.string(),
  raw_mode_enabled: z.boolean(),
  allowed_modes: z.array(z.enum(MODES)),
});

export const whoamiKey: Operation<
  z.infer<typeof nothing>,
  z.infer<typeof keyOutput>,
  { readonly switches: Switches }
> = {
  name: 'key.whoami',
  tool: 'describe_key',
  summary: 'Say which key is used, and which modes it may use.',
  effect: 'read',
  who: { role: 'viewer' },
  zone: 'caller',
  input: nothing,
  output: keyOutput,
  faults: [],
  http: { method: 'GET', path: '/api/v1/auth/whoami', tolerant: true },
  cli: { words: 'key whoami' },
  examples: [{ title: 'the key', input: {} }],
  prepare: async (_input, { switches }) => ({ switches }),
  run: async ({ caller, tx }, { switches }) => ({
    api_key_id: caller.key_id ?? '',
    owner: caller.subject_id,
    role: caller.role,
    raw_mode_enabled: caller.raw_mode_enabled,
    allowed_modes: await modesOf(tx, { caller, switches }),
  }),
};
