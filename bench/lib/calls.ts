/** Calls of a bench to its server. Guarantees: an answer that is a failure is thrown, never measured. */

export interface Account {
  readonly url: string;
  readonly key: string;
}

export const jsonHeaders = (key: string): Record<string, string> => ({
  authorization: `Bearer ${key}`,
  'content-type': 'application/json',
});

export async function call(account: Account, method: string, params: object): Promise<unknown> {
  const response = await fetch(`${account.url}/api/nfs/${method}`, {
    method: 'POST',
    headers: jsonHeaders(account.key),
    body: JSON.stringify({ params }),
  });
  const answer = (await response.json()) as { result: unknown; error: { message: string } | null };
  if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
  return answer.result;
}

/** Files of a batch: the most that one call takes. */
const BATCH = 1_000;

/** `count` small files, `folder/<hundreds>/<n>.txt`. */
export async function writeMany(account: Account, folder: string, count: number): Promise<void> {
  for (let from = 0; from < count; from += BATCH) {
    const files = Array.from({ length: Math.min(BATCH, count - from) }, (_, i) => {
      const n = from + i;
      return [`${folder}/${Math.floor(n / 100)}/${n}.txt`, `file ${n}`];
    });
    await call(account, 'write_batch', { files });
  }
}

/** The sum of a counter of `/metrics` over its labels. */
export async function counter(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics/prometheus`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  if (lines.length === 0) throw new Error(`no metric ${name}`);
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** Counted calls; the least is told, as housekeeping may fall into any of them. */
const COUNTED = 10;

/** Statements that the server sends while it answers `work`, authentication included. */
export async function statementsOf(url: string, work: () => Promise<unknown>): Promise<number> {
  const counts: number[] = [];
  for (let i = 0; i < COUNTED; i++) {
    const before = await counter(url, 'nexus_sql_statements_total');
    await work();
    counts.push((await counter(url, 'nexus_sql_statements_total')) - before);
  }
  return Math.min(...counts);
}
