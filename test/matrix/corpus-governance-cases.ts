/** Governance, remixes and seed texts: roles decide, and sight of the documents that a thing stands on. */
import type { At, Case, Cases, Input } from './cases.ts';

const always = (input: Input = {}): readonly Case[] => [{ level: 'nothing', input: () => input }];

/** Of a document with itself. */
const sides = ({ made }: At): Input => ({ source_document_id: made.document, target_document_id: made.document });
const reader = (input: Case['input']): readonly Case[] => [{ level: 'viewer', without: 'NOT_FOUND', input }];

export const CORPUS_GOVERNANCE_CASES: Cases = {
  'governance.evaluate': always({ candidate_output: 'nothing', mode: 'PUBLIC' }),
  'governance.list': always(),
  'remix.compose': reader((at) => ({ ...sides(at), seed: 1 })),
  'remix.make': reader(sides),
  'remix.get': reader(async (at) => {
    const { remix_artifact_id } = await at.rest('/api/v1/remix/compose', { ...sides(at), create_branch: false });
    return { remix_artifact_id };
  }),
  'remix.list': always(),
  'seed-text.list': always(),
  // Whoever may fetch one hears that there is none of that title.
  'seed-text.fetch': [{ level: 'nothing', ends: 'BAD_REQUEST', input: () => ({ title: 'Nothing' }) }],
};
