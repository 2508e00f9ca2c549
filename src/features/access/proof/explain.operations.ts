/** Why a check answers as it does (access.md §9, §10). Guarantee: `allowed` is what rebac_check says at that revision. */
import { z } from 'zod';
import { isoTime } from '../../../base/clock.ts';
import { jsonObject } from '../../../base/json-object.ts';
import type { Operation } from '../../../core/operation.ts';
import { askAboutSubject, isSelf, mayShare, requireAsking, requireContext, schemaOf } from '../check.ts';
import { checkWords, type ReadyCheck, readyCheck } from '../checks.operations.ts';
import { seedsOf } from '../evaluate/closure.ts';
import { type Asked, askingOf, contextOf, RELATION_OF } from '../grants.ts';
import { contextParam, objectParam, subjectParam, THINGS, zoneOfTuples } from '../params.ts';
import { subjectText } from '../relations.ts';
import { explain } from './explain.ts';
import type { GrantedNode } from './proof.ts';

const input = z.object({
  subject: subjectParam,
  permission: z.string().describe('read, write, execute, share, or a relation'),
  object: objectParam,
  zone_id: zoneOfTuples,
  context: contextParam,
});

const pair = z.array(z.string());
const output = z.object({
  allowed: z.boolean(),
  subject: pair,
  permission: z.string(),
  object: pair,
  zone_id: z.string(),
  revision: z.number(),
  schema_version: z.number(),
  now: z.string(),
  context: jsonObject,
  missing: z.object({ relation: z.string(), object: pair }).nullable(),
  successful_path: z.unknown(),
  proof: z.unknown(),
});
type Output = z.infer<typeof output>;

export const tupleExplain: Operation<z.infer<typeof input>, Output, ReadyCheck> = {
  name: 'tuple.explain',
  summary: 'Tell why a subject holds a permission or relation on an object or not, with a proof.',
  effect: 'read',
  who: { role: 'viewer' },
  zone: 'parameter',
  input,
  output,
  faults: ['ACCESS_DENIED', 'ZONE_NOT_FOUND', 'LIMIT_EXCEEDED', 'INVALID_PARAMS', 'INVALID_PATH'],
  rpc: { name: 'rebac_explain' },
  cli: { words: 'tuple explain', args: ['subject', 'permission', 'object'], things: THINGS },
  prepare: async (asked, { context, limits }) => readyCheck(asked, context.zone_id, { limits, at: '' }),
  run: async (call, ready) => {
    checkWords(await schemaOf(call), ready);
    await requireAsking(call, ready.subject, ready.object);
    await requireContext(call, ready.context, ready.object);
    const whole = !isSelf(call.caller, ready.subject) || (await mayShare(call, ready.object));
    const subject = subjectText(ready.subject);
    const asked = await askAboutSubject(call, { zone: call.zone, subject, context: ready.context });
    const { name, object } = ready;
    const proof = explain(asked, { subject, name, object });
    const { allowed } = proof;
    const header = {
      allowed,
      subject: ready.subject.relation === '' ? subject.slice(0, 2).map(String) : subject.map(String),
      permission: name,
      object: [object.type, object.id],
      zone_id: call.zone.zone_id,
      revision: asked.zone.revision,
      schema_version: asked.zone.schema.version,
      now: isoTime(call.now),
      context: { ...contextOf(askingOf(call.access)), ...ready.context },
      missing: allowed ? null : { relation: missingFor(name), object: [object.type, object.id] },
    };
    if (whole) return { ...header, successful_path: proof.path, proof: proof.whole };
    const path = proof.path && redacted(asked, proof.path, subject);
    return { ...header, successful_path: path, proof: path };
  },
};

const GIVES = new Map<string, string>(Object.entries(RELATION_OF));
const missingFor = (name: string): string => GIVES.get(name) ?? name;

/** The path with only those tuples spelled out that name the subject, what stands for it, or one of its groups. */
function redacted(asked: Asked, node: GrantedNode, subject: Parameters<typeof seedsOf>[0][number]): GrantedNode {
  const seeds = new Set(seedsOf([subject]).map((pair) => pair.join(' ')));
  const { words } = asked.graph;
  const names = ([type = '', id = '']: readonly string[]): boolean =>
    seeds.has(`${type} ${id}`) || asked.closure.nodes.has(words.findNode(words.findType(type, ''), id));
  const shown = ({ tuple, conditions, denied, ...rest }: GrantedNode): GrantedNode => ({
    ...rest,
    ...(tuple && names(tuple.subject) ? { tuple, ...(conditions ? { conditions } : {}) } : {}),
    children: rest.children.map(shown),
  });
  return shown(node);
}
