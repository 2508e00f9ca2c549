/** Terms are sought in long texts beside the event loop. */

import type { Computing, Task } from '../../../core/call/computing.ts';
import { AT_ONCE_BYTES } from '../../../core/call/computing.ts';
import { findBlocked } from './evaluate.ts';
import type { Findings } from './terms.ts';

interface Seeking {
  readonly text: string;
  readonly terms: readonly string[];
}

export const seekTerms: Task<Seeking, Findings> = {
  name: 'governance.seek',
  compute: ({ text, ...policy }) => findBlocked(text, policy),
};

export const sought = async (
  text: string,
  { terms }: Pick<Seeking, 'terms'>,
  computing: Computing,
): Promise<Findings> =>
  text.length <= AT_ONCE_BYTES ? findBlocked(text, { terms }) : computing.run(seekTerms, { text, terms });
