/**
 * The head of a request, before any door looks at it (RFC 9112). Guarantees: behind this every layer sees the target in
 * origin-form, so that no two of them take it for different things; a head that says two things, or announces a body in a
 * form that is not taken, is refused.
 */
import type { IncomingMessage } from 'node:http';
import { Fault } from '../../base/faults.ts';

const ABSOLUTE = /^https?:\/\/(?:[^/?#@]*@)?([^/?#]*)(.*)$/is;

/**
 * Brings the target into origin-form. "When an origin server receives a request with an absolute-form of request-target, the origin server
 * MUST ignore the received Host header field (if any) and instead replace it with the host information of the request-target" (§3.2.2).
 * A `#`, which no target holds, stands for itself.
 */
export function toOriginForm(request: IncomingMessage): void {
  const { url = '/' } = request;
  const [, host, rest = ''] = (url.startsWith('/') ? undefined : ABSOLUTE.exec(url)) ?? [];
  if (host !== undefined) {
    request.url = rest.startsWith('/') ? rest : `/${rest}`;
    request.headers.host = host;
  }
  if (url.includes('#')) request.url = request.url?.replaceAll('#', '%23');
}

/** Faults: INVALID_REQUEST for no Host or several (§3.2), UNSUPPORTED_MEDIA_TYPE for a body that is coded on its way (§6.1). */
export function checkHead({ rawHeaders, headers, httpVersionMinor }: IncomingMessage): void {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length === 'host'.length && name.toLowerCase() === 'host') hosts++;
  }
  if (hosts > 1 || (hosts === 0 && httpVersionMinor > 0)) {
    const found = hosts === 0 ? 'no Host header' : 'several Host headers';
    throw new Fault('INVALID_REQUEST', `Invalid request: it has ${found}; send one`);
  }
  const coding = headers['transfer-encoding'];
  if (coding === undefined || /^chunked$/i.test(coding.trim())) return;
  throw new Fault(
    'UNSUPPORTED_MEDIA_TYPE',
    `Transfer-Encoding ${coding} is not taken; send chunked, or a Content-Length`,
  );
}
