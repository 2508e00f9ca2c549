/**
 * What a proof is checked by, as the zone has it: its schema and its tuples. Guarantee: what was asked is taken from the question and
 * not from the answer, so an answer to another question is rejected.
 */
import type { Explanation, ProofWorld } from './proof-world.ts';
import type { Transport } from './transport.ts';
import type { Params, Result } from './wire.ts';

/** Subject and object as the answer has them. */
export type ProofQuestion = Pick<Params<'rebac_explain'>, 'subject' | 'permission' | 'object' | 'zone_id'>;

type TupleRow = Result<'rebac_list_tuples'>[number];
type Holds = ProofWorld['holds'];

const PAGE = 10_000;

/** Whoever asks has to see all tuples of the zone. A change since the answer is a reason to ask again. */
export async function proofWorld(
  transport: Transport,
  told: Explanation,
  { question, holds = unknown }: { readonly question: ProofQuestion; readonly holds?: Holds },
): Promise<ProofWorld> {
  const { subject, permission, object, zone_id } = question;
  const { allowed: _, successful_path: __, proof: ___, ...rest } = told;
  const schema = (await transport.rpc('rebac_get_schema', { zone_id })) as Result<'rebac_get_schema'>;
  const tuples: TupleRow[] = [];
  for (let page: TupleRow[] | undefined; page === undefined || page.length === PAGE; tuples.push(...page)) {
    const params = { zone_id, limit: PAGE, after: tuples.at(-1)?.tuple_id };
    page = (await transport.rpc('rebac_list_tuples', params)) as TupleRow[];
  }
  const [type = '', id = ''] = object;
  return {
    header: { ...rest, subject, permission, object },
    subject,
    goal: { object: [type, id], relation: permission },
    now: String(told.now),
    types: schema.types,
    tuples: tuples.map(proofTuple),
    holds,
  };
}

const unknown: Holds = (conditions) => {
  throw new Error(`whether conditions hold is for the caller to say: ${JSON.stringify(conditions)}`);
};

type ProofTuple = ProofWorld['tuples'][number];

const proofTuple = (row: TupleRow): ProofTuple => ({
  tuple_id: row.tuple_id,
  subject: [row.subject_type, row.subject_id, ...(row.subject_relation === null ? [] : [row.subject_relation])],
  relation: row.relation,
  object: [row.object_type, row.object_id],
  expires_at: row.expires_at,
  conditions: row.conditions as ProofTuple['conditions'],
});
