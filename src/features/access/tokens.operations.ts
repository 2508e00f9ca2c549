/**
 * Tokens for keys, and their renewal (infrastructure.md §3). Guarantees: a token is made for a key that was shown and
 * works; renewing it goes on from there, so it ends however often it is renewed.
 */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import { MODES } from '../../core/call/tokens.ts';
import type { Caller, Operation, Preparation } from '../../core/operation.ts';
import { authenticateKey, hasRole, invalidToken, lacksRole, unauthenticated } from './credentials.ts';
import { modesOf } from './modes.ts';

const answer = z.object({
  access_token: z.string(),
  token_type: z.literal('bearer'),
  expires_in: z.number(),
  expires_at: z.string(),
  role: z.string(),
  modes: z.array(z.enum(MODES)),
});
type Answer = z.infer<typeof answer>;

/** What is no text is no key: a credential that is malformed is refused as one that is unknown (access.md §1). */
const presentedKey = z.custom<unknown>(() => true).meta({ type: 'string' });

const createInput = z.object({
  api_key: presentedKey.optional().describe('text of the key, where no header presents it'),
});
type CreateInput = z.infer<typeof createInput>;

export const createToken: Operation<CreateInput, Answer, Answer> = {
  name: 'token.create',
  summary: 'Exchange an API key for a token that ends by itself.',
  effect: 'read',
  who: 'public',
  zone: 'caller',
  input: createInput,
  output: answer,
  faults: ['UNAUTHENTICATED', 'ACCESS_DENIED'],
  http: {
    method: 'POST',
    path: '/api/v1/auth/token',
    aliases: ['/api/v2/auth/token'],
    tolerant: true,
    credentials: true,
  },
  cli: { words: 'token create' },
  presents: ({ api_key }) => textOf(api_key),
  prepare: async (input, preparation) => issue(preparation, await holderOf(input, preparation)),
  run: async (_call, ready) => ready,
};

/** Nothing at all is no credential. */
function textOf(api_key: unknown): string | undefined {
  if (api_key === undefined || api_key === '') return undefined;
  return typeof api_key === 'string' ? api_key : JSON.stringify(api_key).slice(0, 256);
}

/** Whose key was shown. A token is none, and two keys that differ are as good as none. */
async function holderOf({ api_key }: CreateInput, { context, sql, tokens }: Preparation): Promise<Caller> {
  const { caller } = context;
  const byHeader = caller.key_id === null ? undefined : caller;
  const text = textOf(api_key);
  const isText = typeof api_key === 'string';
  const byBody =
    text === undefined
      ? byHeader
      : isText
        ? await sql.read((tx) => authenticateKey(tx, text, tokens.now()))
        : undefined;
  if (!byBody || byBody.token || byHeader?.token) throw unauthenticated();
  if (byHeader && byHeader.key_id !== byBody.key_id) throw unauthenticated();
  // Any role will do, but one it has to be.
  if (!hasRole(byBody, 'viewer')) throw lacksRole(createToken.name, byBody, 'viewer');
  return byBody;
}

const nothing = z.object({});

export const refreshToken: Operation<z.infer<typeof nothing>, Answer, Answer> = {
  name: 'token.refresh',
  summary: 'Renew a token before it ends, up to the longest time after its key was shown.',
  effect: 'read',
  who: { role: 'viewer' },
  zone: 'caller',
  input: nothing,
  output: answer,
  faults: ['UNAUTHENTICATED'],
  http: {
    method: 'POST',
    path: '/api/v1/auth/token/refresh',
    aliases: ['/api/v2/auth/token/refresh'],
    tolerant: true,
  },
  cli: { words: 'token refresh' },
  prepare: async (_input, preparation) => {
    const { caller } = preparation.context;
    if (!caller.token) throw invalidToken();
    return issue(preparation, caller);
  },
  run: async (_call, ready) => ready,
};

async function issue({ tokens, switches, sql }: Preparation, holder: Caller): Promise<Answer> {
  const modes = await sql.read((tx) => modesOf(tx, { caller: holder, switches }));
  const { text, life, expires_at } = await tokens.issue(holder, modes);
  return {
    access_token: text,
    token_type: 'bearer',
    expires_in: life / 1000,
    expires_at: isoTime(expires_at),
    role: holder.role,
    modes,
  };
}
