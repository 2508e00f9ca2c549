/** Parameters that the operations on agents share. */
import { z } from 'zod';
import { AGENT_ID } from '../../base/ids.ts';
import { jsonObject } from '../../base/json-object.ts';
import { type Limits, limitExceeded } from '../../base/limits.ts';
import { holdsNul, NO_NUL, plainText } from '../../base/texts.ts';

export const ROOT = '/api/v2/agents';
export const OPERATOR = { role: 'operator' } as const;
export const VIEWER = { role: 'viewer' } as const;

export const agentId = z
  .string()
  .regex(AGENT_ID, 'has to be 1 to 128 letters, digits and _.:,@- , a letter, digit or _ first')
  .describe('id of the agent');

const CAPABILITIES_MAX = 64;
export const capability = z
  .string()
  .regex(/^[A-Za-z0-9._:/-]{1,64}$/, 'has to be 1 to 64 letters, digits and ._:/-')
  .describe('what an agent can do');
export const capabilities = z.array(capability).max(CAPABILITIES_MAX).describe('what it can do');

/** Sorted, each once. */
export const sorted = (names: readonly string[]): string[] => [...new Set(names)].sort();

export const agentName = plainText.min(1).max(255).describe('name for people');
export const description = plainText.max(4096).describe('what the agent is for');
/** Names may hold U+0000, as those of the metadata of files may. */
export const metadata = jsonObject
  .refine((value) => !Object.values(value).some(holdsNul), NO_NUL)
  .describe('anything, as JSON');
export const generation = z.int().min(0);

/** JSON as it is kept; LIMIT_EXCEEDED where it is too long. */
export function keptJson(
  value: unknown,
  what: string,
  { limits, name }: { readonly limits: Limits; readonly name: 'AGENT_METADATA_BYTES' | 'MESSAGE_BYTES' },
): string {
  const text = JSON.stringify(value);
  const actual = Buffer.byteLength(text);
  if (actual > limits[name]) throw limitExceeded(name, limits[name], { actual, what });
  return text;
}
