/** Secrets at rest: AES-256-GCM with a key of the server, bound to the zone that they belong to. */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

export interface Seal {
  seal(text: string, zone_id: string): string;
  /** Throws where the text was sealed with another key, for another zone, or was changed. */
  open(sealed: string, zone_id: string): string;
}

const IV_BYTES = 12;
const TAG_BYTES = 16;
/** Tells later forms from this one. */
const FORM = 'v1.';

export function sealOf(secret: string): Seal {
  const key = new Uint8Array(hkdfSync('sha256', secret, '', 'nexus stored secrets', 32));
  return {
    seal: (text, zone_id) => {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(zone_id));
      const bytes = Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return FORM + bytes.toString('base64');
    },
    open: (sealed, zone_id) => {
      const bytes = Buffer.from(sealed.slice(FORM.length), 'base64');
      const end = bytes.length - TAG_BYTES;
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES))
        .setAAD(Buffer.from(zone_id))
        .setAuthTag(bytes.subarray(end));
      return decipher.update(bytes.subarray(IV_BYTES, end), undefined, 'utf8') + decipher.final('utf8');
    },
  };
}
