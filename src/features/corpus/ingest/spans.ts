/** Spans of a batch, where its job is traced (infrastructure.md §12): each is a part of the attempt. */
import { asFault } from '../../../base/faults.ts';
import { type Attributes, spanTime } from '../../../core/call/tracing.ts';
import type { JobRun } from '../../jobs/job-types.ts';

interface Named {
  readonly name: 'ingest.batch' | 'ingest.document';
  /** Asked at its end. */
  readonly attributes: () => Attributes;
}

export async function inSpan<T>(
  { tools, traceparent: parent }: Pick<JobRun, 'tools' | 'traceparent'>,
  { name, attributes }: Named,
  work: () => Promise<T>,
): Promise<T> {
  const { span } = tools.notes;
  if (parent === undefined || !span) return work();
  const began = spanTime();
  let failed: string | undefined;
  try {
    return await work();
  } catch (thrown) {
    failed = asFault(thrown).code;
    throw thrown;
  } finally {
    span({ name, parent, began, ended: spanTime(), attributes: attributes(), failed });
  }
}
