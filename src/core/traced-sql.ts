/** The span of a transaction (infrastructure.md §12), measured where it runs. */
import { asFault } from '../base/faults.ts';
import type { Sql, Tx } from '../ports/sql.ts';
import { type EndedSpan, spanTime } from './call/tracing.ts';

export interface Traced {
  readonly operation: string;
  readonly traceparent: string;
  readonly note: (span: EndedSpan) => void;
}

/** The same engine, for the one transaction of a call. */
export function tracedSql(sql: Sql, traced: Traced): Pick<Sql, 'read' | 'write'> {
  const measured = async <T>(run: (seen: (tx: Tx) => void) => Promise<T>): Promise<T> => {
    const began = spanTime();
    let last: Tx | undefined;
    let failed: string | undefined;
    try {
      return await run((tx) => {
        last = tx;
      });
    } catch (thrown) {
      failed = asFault(thrown).code;
      throw thrown;
    } finally {
      const { operation, traceparent: parent } = traced;
      const system = sql.dialect.name === 'sqlite' ? 'sqlite' : 'postgresql';
      const attributes = {
        'db.system.name': system,
        'nexus.operation': operation,
        'nexus.statements': last?.statements ?? 0,
      };
      traced.note({ name: 'db.transaction', parent, began, ended: spanTime(), attributes, failed });
    }
  };
  return {
    read: (work) =>
      measured((seen) =>
        sql.read((tx) => {
          seen(tx);
          return work(tx);
        }),
      ),
    write: (lane, work, hint) =>
      measured((seen) =>
        sql.write(
          lane,
          (tx) => {
            seen(tx);
            return work(tx);
          },
          hint,
        ),
      ),
  };
}
