/** The memory that bytes lie in. */

/**
 * Gives memory back at once. The pieces of a body would else lie there until the next collection, which comes when tens of
 * megabytes have gathered: then a body costs as much memory, and half as much time again. The pieces are empty from now on,
 * and nobody else may hold one of them; what is a part of a larger buffer stays.
 */
export function release(pieces: readonly Uint8Array[]): void {
  for (const { buffer, byteLength } of pieces) {
    if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
  }
}

/**
 * The same bytes in memory of their own. What goes to another thread takes along all of the memory that it is a part of, and
 * Node makes small buffers as parts of one of 64 KiB.
 */
export const alone = (bytes: Uint8Array): Uint8Array =>
  bytes.buffer.byteLength <= 2 * bytes.byteLength ? bytes : new Uint8Array(bytes);
