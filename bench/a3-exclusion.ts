/** A3 and A4: what an exclusion in the model costs, and what a proof costs beside the check it explains. */

import { explain } from '../src/features/access/proof/explain.ts';
import { schemaWith } from '../src/features/access/schema/schema.ts';
import { benchCheck, benchGraph, checkOn, evaluationOf, perSecond } from './lib/access-graph.ts';
import { measurePairs, printBar, type Side } from './lib/pairs.ts';

const TUPLES = 1_000_000;
const CHECKS = 100_000;
const PAIRS = 5;
/** Short turns and many, since the speed of the machine changes within seconds. */
const PROOFS = 10_000;
const PROOF_PAIRS = 31;

const SCHEMA = schemaWith(1, {
  file: {
    banned: { this: ['user', 'group'] },
    plain: { computed: 'viewer' },
    unbanned: { exclusion: [{ computed: 'viewer' }, { computed: 'banned' }] },
  },
});

export async function run(): Promise<boolean> {
  const zone = benchGraph(TUPLES, SCHEMA);
  // Some are banned, so that the minus is more than a relation that nothing has.
  for (let space = 0; space < 1_000; space++) {
    zone.graph.add({
      tuple_id: `tuple-banned-${space}`,
      zone: '',
      subject_type: 'user',
      subject_id: `user-${space}-95`,
      subject_relation: '',
      relation: 'banned',
      object_type: 'file',
      object_id: `/space-${space}`,
      expires_at: null,
      conditions: null,
    });
  }
  let asked = 0;
  const rate = (name: string, checks: number): Side => ({
    name,
    measure: async () =>
      1e6 /
      perSecond(checks, () => {
        const { user, path } = benchCheck(asked++, TUPLES);
        return checkOn(zone, user, [name, 'file', path]);
      }),
  });
  const sides = [rate('unbanned', CHECKS), rate('plain', CHECKS)] as const;
  const a3 = printBar(
    { id: 'A3', what: 'a model with exclusion', unit: 'µs a check', bound: { atMost: 1.3 } },
    { ours: sides[0], theirs: sides[1] },
    await measurePairs(...sides, PAIRS),
  );
  const proofs: Side = {
    name: 'explain',
    measure: async () =>
      1e6 /
      perSecond(PROOFS, () => {
        const { user, path } = benchCheck(asked++, TUPLES);
        const evaluation = { ...evaluationOf(zone, user), zone, cached: true };
        const subject = ['user', user] as const;
        return explain(evaluation, { subject, name: 'read', object: { type: 'file', id: path } }).allowed;
      }),
  };
  const checks = rate('read', PROOFS);
  const a4 = printBar(
    { id: 'A4', what: 'a proof, in the process', unit: 'µs', bound: { atMost: 2 } },
    { ours: proofs, theirs: checks },
    await measurePairs(proofs, checks, PROOF_PAIRS),
  );
  return a3 && a4;
}
