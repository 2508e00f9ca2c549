/** What Linux says of a process: its memory and its open handles. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Bytes of one line of `/proc/<pid>/status`. */
function statusBytes(pid: number, line: 'VmRSS' | 'VmHWM'): number {
  const found = new RegExp(`^${line}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (found === undefined) throw new Error(`process ${pid} has no ${line}`);
  return Number(found) * 1024;
}

/** Resident bytes now. */
export const residentBytes = (pid: number): number => statusBytes(pid, 'VmRSS');

/** Seconds of processor that a process has taken, by itself and in the kernel. Ticks are hundredths on Linux. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** How far the resident bytes grew at most while `work` ran: the kernel's own high-water mark, which misses no peak. */
export async function peakGrowth(pid: number, work: () => Promise<void>): Promise<number> {
  // 5 sets the mark back to what is resident now.
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  const before = residentBytes(pid);
  await work();
  return statusBytes(pid, 'VmHWM') - before;
}

/** Open files, sockets and pipes, once they have not changed for a while. */
export async function settledHandles(pid: number): Promise<number> {
  const count = (): number => readdirSync(`/proc/${pid}/fd`).length;
  let last = count();
  for (let calm = 0; calm < 10; ) {
    await sleep(100);
    const now = count();
    calm = now === last ? calm + 1 : 0;
    last = now;
  }
  return last;
}
