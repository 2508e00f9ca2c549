/**
 * Which restore of the state a server has seen. Guarantee of an engine with connections: one is opened only while no later
 * restore has begun, so a server that has not heard of one reads and writes nothing of what came of it.
 */
export interface Fence {
  /** Of the newest restore that the server knows. Grows where it makes one itself. */
  epoch: number;
  /** The server among the others: a number of 31 bits. */
  readonly server: number;
}
