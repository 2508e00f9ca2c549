/**
 * Base64 of RFC 4648 §4 (contract files.md §3). Guarantees: only padded text of the standard alphabet without blanks is
 * taken, anything else is INVALID_PARAMS; long text is decoded piece by piece. Bits that the last character has to
 * spare are ignored, not required to be zero, as Node's own decoder does: `QR==` is the byte of `QQ==`.
 */

import { decodeBase64Into, decodeBase64 as decodeStrict } from '../../../base/base64.ts';
import { type Fault, invalidParams } from '../../../base/faults.ts';
import { Spool, type SpooledBytes, type SpooledText, type SpoolRoom } from './spool.ts';

function notBase64(path: string): Fault {
  return invalidParams({ path, message: 'must be base64 (RFC 4648 §4: standard alphabet, padded, no blanks)' });
}

/** The bytes of base64 text; `path` is the parameter that INVALID_PARAMS names. */
export function decodeBase64(text: string, path: string): Buffer {
  const bytes = decodeStrict(text);
  if (bytes === undefined) throw notBase64(path);
  return bytes;
}

/** Where decoded bytes go, and the parameter that INVALID_PARAMS names. */
export interface Base64Target {
  readonly room: SpoolRoom;
  readonly path: string;
}

/**
 * The bytes of spooled base64 text, in a spool of their own. The text is used up: it is closed whatever the outcome.
 * Faults: INVALID_PARAMS, those of a spool.
 */
export async function decodeSpooledBase64(text: SpooledText, target: Base64Target): Promise<SpooledBytes> {
  const spool = await Spool.open(target.room);
  try {
    await decodeAll(text.bytes, spool, target.path);
    return await spool.close();
  } catch (thrown) {
    await spool.remove();
    throw thrown;
  } finally {
    await text.bytes.close();
  }
}

async function decodeAll(source: SpooledBytes, spool: Spool, path: string): Promise<void> {
  let out = Buffer.alloc(0);
  let rest = '';
  let seen = 0;
  for await (const bytes of source.read()) {
    seen += bytes.length;
    const last = seen === source.size;
    const text = rest + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    const whole = last ? text.length : text.length - (text.length % 4);
    if (out.length < whole) out = Buffer.allocUnsafeSlow(whole);
    const length = decodeBase64Into(out, text.slice(0, whole), last);
    if (length === undefined) throw notBase64(path);
    await spool.write(out.subarray(0, length));
    rest = text.slice(whole);
  }
}
