/**
 * What a zone was exported as is read. Guarantees: whatever is changed, cut off, missing or more in it is told before its end
 * is reached; rows and contents are given out as they come, so whoever takes them keeps them out of sight until that end.
 */
import { createHash } from 'node:crypto';
import { Fault } from '../../base/faults.ts';
import { parseJson } from '../../base/parse-json.ts';
import { linesOf } from './lines.ts';

export interface ZoneHead {
  readonly zone_id: string;
}

export interface ContentHead {
  readonly content: string;
  readonly size: number;
  readonly utf8: number;
}

export interface ZoneTaking {
  /** A line of the dump. */
  row(line: string): Promise<void> | void;
  contentBegins(head: ContentHead): Promise<void> | void;
  bytes(bytes: Buffer): Promise<void> | void;
  /** Its bytes were those of its hash. */
  contentEnds(head: ContentHead): Promise<void> | void;
}

export const damagedExport = (why: string): Fault =>
  new Fault('BACKUP_DAMAGED', `This is no export of a zone as it was written: ${why}`, { problems: [why] });

/** Gives whose zone it is. BACKUP_DAMAGED, maybe after something was taken. */
export async function readZone(pieces: AsyncIterable<Uint8Array>, taking: ZoneTaking): Promise<ZoneHead> {
  const reader = new Reader(taking);
  try {
    for await (const lines of linesOf(pieces)) for (const line of lines) await reader.take(line);
  } catch (thrown) {
    if (isNoText(thrown)) throw damagedExport('a line of it is none');
    throw thrown;
  }
  return reader.end();
}

/** Bytes that are no UTF-8, or a line without an end. */
const isNoText = (thrown: unknown): boolean =>
  thrown instanceof Error &&
  (('code' in thrown && thrown.code === 'ERR_ENCODING_INVALID_ENCODED_DATA') || /^the last line/.test(thrown.message));

function parsed(line: string): unknown {
  try {
    return parseJson(line);
  } catch {
    throw damagedExport('a line of it is none');
  }
}

interface Open {
  readonly head: ContentHead;
  readonly digest: ReturnType<typeof createHash>;
  left: number;
}

class Reader {
  readonly #taking: ZoneTaking;
  readonly #digest = createHash('sha256');
  #head: ZoneHead | undefined;
  #part: 'rows' | 'contents' | 'over' = 'rows';
  #contents = 0;
  #open: Open | undefined;

  constructor(taking: ZoneTaking) {
    this.#taking = taking;
  }

  async take(line: string): Promise<void> {
    if (this.#part === 'over') throw damagedExport('something comes behind its end');
    const before = this.#part === 'contents' ? this.#digest.copy() : this.#digest;
    this.#digest.update(`${line}\n`);
    if (!this.#head) this.#head = headOf(line);
    else if (this.#part === 'rows') await this.#row(line);
    else await this.#content(line, before);
  }

  end(): ZoneHead {
    if (this.#part === 'over' && this.#head) return this.#head;
    throw damagedExport('its end is missing');
  }

  async #row(line: string): Promise<void> {
    if (/^\{"rows":\d+\}$/.test(line)) this.#part = 'contents';
    await this.#taking.row(line);
  }

  async #content(line: string, before: ReturnType<typeof createHash>): Promise<void> {
    const value = (parsed(line) ?? {}) as Partial<ContentHead> & { bytes?: string; contents?: number };
    if (typeof value.bytes === 'string') return this.#bytes(Buffer.from(value.bytes, 'base64'));
    await this.#endContent();
    if (typeof value.content === 'string') return this.#beginContent(value as ContentHead);
    const end = JSON.stringify({ contents: this.#contents, sha256: before.digest('hex') });
    if (line !== end) throw damagedExport('its bytes are not what they were');
    this.#part = 'over';
  }

  async #beginContent(head: ContentHead): Promise<void> {
    if (!/^[0-9a-f]{64}$/.test(head.content) || !Number.isSafeInteger(head.size)) throw damagedExport('a content');
    this.#contents++;
    this.#open = { head, digest: createHash('sha256'), left: head.size };
    await this.#taking.contentBegins(head);
  }

  async #bytes(bytes: Buffer): Promise<void> {
    const open = this.#open;
    if (!open || bytes.length > open.left) throw damagedExport('bytes that belong to no content');
    open.left -= bytes.length;
    open.digest.update(bytes);
    await this.#taking.bytes(bytes);
  }

  async #endContent(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    if (!open) return;
    const { head } = open;
    if (open.left > 0 || open.digest.digest('hex') !== head.content) throw damagedExport(`the content ${head.content}`);
    await this.#taking.contentEnds(head);
  }
}

function headOf(line: string): ZoneHead {
  const head = (parsed(line) ?? {}) as { nexus_zone?: number; zone_id?: string };
  if (head.nexus_zone !== 1 || typeof head.zone_id !== 'string') throw damagedExport('its first line is another');
  return { zone_id: head.zone_id };
}
