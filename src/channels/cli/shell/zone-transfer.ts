/**
 * A zone as a file, out of a server and into one. Guarantees: the file is there whole or not at all; what the server was sent
 * on the way to an import is removed again.
 */
import { randomUUID } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { filePath, type Transport } from '../../../../client/transport.ts';
import { type Scene, type Typed, UsageError } from '../command.ts';
import { show } from '../show.ts';
import { bytesText, safe, type Terminal } from '../terminal.ts';
import { startBar } from './bar.ts';
import { onInterrupt } from './interrupts.ts';
import { keep } from './transfer.ts';

/** Bytes, with a bar on a terminal; `total` is 0 where it is not known. */
async function* counted(
  terminal: Terminal,
  pieces: AsyncIterable<Uint8Array>,
  total: number,
): AsyncGenerator<Uint8Array> {
  const format = total > 0 ? '[{bar}] {percentage} %' : '{text}';
  const bar = await startBar(terminal, {
    format,
    clearOnComplete: true,
    total: Math.max(total, 1),
    shown: { text: '' },
  });
  let bytes = 0;
  try {
    for await (const piece of pieces) {
      bytes += piece.length;
      bar?.update(total > 0 ? bytes : 0, { text: bytesText(bytes) });
      yield piece;
    }
  } finally {
    bar?.stop();
  }
}

/** The last line of an export: without it, something is missing. */
const END = /\{"contents":(\d+),"sha256":"([0-9a-f]{64})"\}\n$/;

async function* upToEnd(
  pieces: AsyncIterable<Uint8Array>,
  found: (end: RegExpExecArray) => void,
): AsyncGenerator<Uint8Array> {
  let last = '';
  for await (const piece of pieces) {
    last = (last + Buffer.from(piece).toString('latin1')).slice(-200);
    yield piece;
  }
  const end = END.exec(last);
  if (!end) throw new Error('the server broke off');
  found(end);
}

export async function runExport({ terminal, transport }: Scene, typed: Typed): Promise<undefined> {
  const { zone = typed.args[0], out } = typed.options as { zone?: string; out?: string };
  if (zone === undefined) throw new UsageError('export needs ZONE', { ofForm: true });
  if (zone !== (typed.args[0] ?? zone)) throw new UsageError(`export takes one zone, not ${typed.args[0]} and ${zone}`);
  const { body } = await transport().raw({ method: 'GET', path: `/api/v2/zones/${encodeURIComponent(zone)}/export` });
  let end: RegExpExecArray | undefined;
  const whole = upToEnd(body ?? Readable.from([]), (found) => {
    end = found;
  });
  if (out === undefined) {
    for await (const piece of whole) await terminal.bytes(piece);
    return;
  }
  // It has the hashes of keys.
  const size = await keep(counted(terminal, whole, 0), out, { named: `zone ${zone}`, mode: 0o600 });
  const [, contents, sha256] = end ?? [];
  if (terminal.json) show(terminal, { zone_id: zone, file: out, size, contents: Number(contents), sha256 });
  else terminal.err(`zone ${safe(zone)} → ${safe(out)}, ${bytesText(size)}, ${contents} contents\n`);
}

interface Imported {
  readonly zone_id: string;
  readonly from: string;
  readonly rows: number;
  readonly contents: number;
  readonly keys_left_out: number;
}

export async function runImport({ terminal, transport }: Scene, typed: Typed): Promise<undefined> {
  const [file = ''] = typed.args;
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  if (size === undefined) throw new UsageError(`cannot read ${file}`);
  const to = transport();
  const path = `/.imports/${randomUUID()}`;
  const release = onInterrupt(async () => {
    terminal.err('the zone is there whole or not at all: nexus zone list\n');
    await remove(to, path);
  });
  try {
    const body = counted(terminal, createReadStream(file), size);
    await to.rest({ method: 'PUT', path: filePath(path), body });
    const zone_id = typed.options.zone;
    const given = zone_id === undefined ? { path } : { path, zone_id };
    const made = (await to.rest({ method: 'POST', path: '/api/v2/zones/import', body: given })) as Imported;
    tell(terminal, made);
  } finally {
    await remove(to, path);
    release();
  }
}

/** What was sent is of no use any more, whatever came of it. */
async function remove(to: Transport, path: string): Promise<void> {
  await to.rest({ method: 'DELETE', path: filePath(path) }).catch(() => undefined);
}

function tell(terminal: Terminal, made: Imported): void {
  if (terminal.json) {
    show(terminal, made);
    return;
  }
  const { zone_id, rows, contents, keys_left_out } = made;
  terminal.out(`zone ${safe(zone_id)}: ${rows} rows, ${contents} contents\n`);
  if (keys_left_out > 0) terminal.err(`${keys_left_out} keys are of another zone already and were left out\n`);
}
