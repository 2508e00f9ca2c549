/**
 * Connections from the server to others (workflows.md §12.4). What every engine guarantees is written at {@link Outbound}.
 *
 * A name is resolved when a connection is made, every address it has is judged, and the connection goes to one that was
 * judged, under the name. So a redirect, a retry or a name that changes its addresses is judged anew by itself.
 */
import type { Agent } from 'node:http';

export interface Outbound {
  /**
   * Makes connections for `http.request` and `https.request`, by the scheme of a URL, and keeps them for a while. A
   * connection that is refused fails with {@link OutboundRefused}, before a byte is sent to anybody.
   */
  agentFor(url: URL): Agent;
  /** Fails with {@link OutboundRefused} where a connection would be refused now; a name that is unknown today is not. */
  judge(url: URL): Promise<void>;
  /** Drops connections that nobody uses; those in use end with their requests. May be called again. */
  close(): void;
}

/** The address is not one that may be asked. Its message names host, address and the setting, and may be shown. */
export class OutboundRefused extends Error {
  readonly code = 'OUTBOUND_REFUSED';

  constructor(message: string) {
    super(message);
    this.name = 'OutboundRefused';
  }
}
