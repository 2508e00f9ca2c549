/** Remixes that were kept (corpus.md §14). Guarantees: one that stands on a document that the caller may not see is not there. */

import { z } from 'zod';
import { Fault } from '../../../base/faults.ts';
import { isUuid } from '../../../base/ids.ts';
import { pageParams } from '../../../base/page-params.ts';
import { type Operation, ofBrick } from '../../../core/operation.ts';
import { seenThings, seesThing } from '../documents/sight.ts';
import { findKept } from '../documents/texts.ts';
import { composeOperations } from './compose.operations.ts';
import {
  presentText,
  type RemixList,
  type RemixObject,
  remixList,
  remixObject,
  toRemix,
  toRemixItem,
} from './remix-object.ts';
import { countRemixes, findRemix, listRemixes } from './remixes.sql.ts';

const ROOT = '/api/v1/remix';
const VIEWER = { role: 'viewer' } as const;
const idInput = z.object({ remix_artifact_id: z.string().describe('id of the remix') });

const notFound = (id: string): Fault => new Fault('NOT_FOUND', `Remix artifact ${id.slice(0, 64)} not found`);

const get: Operation<z.infer<typeof idInput>, RemixObject> = {
  name: 'remix.get',
  summary: 'Show a remix with its text and what it came from.',
  effect: 'read',
  who: VIEWER,
  input: idInput,
  output: remixObject,
  faults: ['NOT_FOUND'],
  http: {
    method: 'GET',
    path: `${ROOT}/:remix_artifact_id`,
    tolerant: true,
    present: (output) => presentText(output),
    body: remixObject.extend({ remixed_text: z.string() }),
  },
  cli: { words: 'remix get', args: ['remix_artifact_id'] },
  run: async (call, { remix_artifact_id: id }) => {
    const { tx, zone } = call;
    const row = isUuid(id) ? await findRemix(tx, zone.zone_id, id.toLowerCase()) : undefined;
    const kept = row && (await seesThing(call, 'remix', row.remix_id)) && (await findKept(tx, row.text_hash));
    if (row && kept) return toRemix(row, kept);
    throw notFound(id);
  },
};

const listInput = z.object({
  ...pageParams({ most: 200, unless: 50 }),
});

const list: Operation<z.infer<typeof listInput>, RemixList> = {
  name: 'remix.list',
  summary: 'List remixes, newest first.',
  effect: 'read',
  who: VIEWER,
  input: listInput,
  output: remixList,
  faults: [],
  http: { method: 'GET', path: ROOT, tolerant: true },
  cli: { words: 'remix list' },
  run: async (call, page) => {
    const { tx, zone } = call;
    const where = await seenThings(call, 'remix', 'corpus_remixes.remix_id');
    const rows = await listRemixes(tx, zone.zone_id, { where, page });
    return { remixes: rows.map(toRemixItem), total: await countRemixes(tx, zone.zone_id, where), ...page };
  },
};

export const remixOperations = ofBrick('corpus', [...composeOperations, get, list]);
