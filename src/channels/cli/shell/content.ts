/** Commands that write what a route of its own gives, as it is. */
import type { Scene } from '../command.ts';

/** Writes the answer of a GET piece by piece. */
export async function writeContent({ transport, terminal }: Scene, path: string): Promise<undefined> {
  const response = await transport().raw({ method: 'GET', path });
  for await (const piece of response.body ?? []) await terminal.bytes(piece);
  return undefined;
}
