/**
 * What an MCP server is to be mounted as, and who may say so (platform.md §4.3). Guarantee: what is no way to reach one, or could
 * make a listed program another one, is INVALID_PARAMS before anything is stored.
 */
import { z } from 'zod';
import { Fault, type Issue, invalidParams } from '../../base/faults.ts';
import { holding } from '../../base/json-object.ts';
import { validateHeaderName, validateHeaderValue } from '../../base/node-http.ts';
import { plainText } from '../../base/texts.ts';
import type { Caller } from '../../core/operation.ts';
import type { ToolPlace } from '../../ports/tool-servers.ts';
import { isRootAdmin, isZoneAdmin } from '../access/credentials.ts';
import { type McpRow, TIERS, type Tier } from './mcp-mounts.sql.ts';

const NAME_CHARACTERS = 128;
const TEXT_CHARACTERS = 4_096;
const WORDS_MOST = 100;

const texts = holding(WORDS_MOST, z.record(plainText.min(1).max(NAME_CHARACTERS), plainText.max(TEXT_CHARACTERS)));

export const nameParam = plainText.max(NAME_CHARACTERS).describe('of the mounted MCP server');

export const mountInput = z.object({
  name: nameParam,
  command: plainText.max(TEXT_CHARACTERS).optional().describe('program that speaks over its standard streams'),
  args: z.array(plainText.max(TEXT_CHARACTERS)).max(WORDS_MOST).default([]).describe('its arguments'),
  env: texts.default({}).describe('its environment, beside path and home of the server'),
  url: plainText.max(TEXT_CHARACTERS).optional().describe('address of a server that runs elsewhere'),
  headers: texts.default({}).describe('headers of each request to it'),
  transport: z.enum(['stdio', 'sse', 'http']).optional().describe('of a url sse unless given; of a command stdio'),
  description: plainText.max(TEXT_CHARACTERS).default('').describe('what the server is for'),
  tier: z.enum(TIERS).default('user').describe('who sees it: you, the zone, or every zone'),
});
export type MountInput = z.infer<typeof mountInput>;

const issue = (path: string, message: string): Fault => invalidParams({ path, message });

export function placeOf(input: MountInput): ToolPlace {
  const { command, args, env, url, headers, transport } = input;
  if (input.name === '' || !command === !url) {
    const message = 'either command or url is required';
    const issues: Issue[] = [input.name === '' ? { path: 'name', message: 'is empty' } : { path: 'command', message }];
    throw new Fault('INVALID_PARAMS', message, { issues });
  }
  if (url) {
    if (transport === 'stdio') throw issue('transport', 'a url takes sse or http');
    checkUrl(url);
    checkHeaders(headers);
    return { transport: transport ?? 'sse', url, headers };
  }
  if (transport !== undefined && transport !== 'stdio') throw issue('transport', 'a command takes stdio');
  checkEnv(env);
  return { transport: 'stdio', command: command ?? '', args, env };
}

function checkUrl(url: string): void {
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) throw issue('url', 'has to be an http or https URL');
}

/** Of the connection itself, which is ours. */
const FRAMING = /^(host|connection|content-length|transfer-encoding|upgrade|expect|te|trailer)$/i;

function checkHeaders(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    if (FRAMING.test(name)) throw issue(`headers.${name}`, 'is a header that Nexus sets');
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch {
      throw issue(`headers.${name}`, 'is no header');
    }
  }
}

/** By these a linker or an interpreter loads what is not the program that was listed. */
const LOADING =
  /^(LD_|DYLD_|NODE_|PYTHON|PERL5|RUBY|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|BASH_ENV|ENV$|GCONV_PATH|IFS$|CLASSPATH|PATH$|SHELLOPTS|PS4|BASH_FUNC)/i;

function checkEnv(env: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(env)) {
    if (name.includes('=')) throw issue(`env.${name}`, 'is no name of a variable');
    if (LOADING.test(name)) throw issue(`env.${name}`, 'says what a program loads, which is for the operator');
  }
}

/** "Tier `user`: operator, seen by its owner; `zone`: zone admin; `system`: root admin". */
export function checkTier(caller: Caller, zone_id: string, tier: Tier): void {
  if (tier === 'zone' && !isZoneAdmin(caller, zone_id)) throw denied(tier, 'admin', caller);
  if (tier !== 'system') return;
  if (!isRootAdmin(caller)) throw denied(tier, 'admin of zone root', caller);
  if (zone_id !== 'root') throw issue('tier', 'what is of the server is mounted in zone root');
}

const denied = (tier: Tier, required_role: string, { role }: Caller): Fault =>
  new Fault('ACCESS_DENIED', `Access denied: an MCP server of tier ${tier} takes the role ${required_role}`, {
    required_role,
    role,
  });

export const entryShape = z.object({
  name: z.string(),
  transport: z.string(),
  mounted: z.boolean(),
  tool_count: z.number(),
  tier: z.enum(TIERS),
  description: z.string(),
  last_error: z.string().nullable(),
  zone_id: z.string(),
});
export type McpEntry = z.infer<typeof entryShape>;

export const entryOf = ({
  name,
  transport,
  mounted,
  tool_count,
  tier,
  description,
  last_error,
  zone_id,
}: McpRow): McpEntry => ({
  name,
  transport,
  mounted: mounted === 1,
  tool_count,
  tier,
  description,
  last_error,
  zone_id,
});
