/** One call of the steps that every door does. */

export interface Step {
  readonly op: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** An admin of zone root does it; else the zone's own admin. */
  readonly by?: 'root';
  /** Names for parts of the answer. */
  readonly keep?: Readonly<Record<string, string>>;
  /** The order of the answer goes by random ids, or by times that may be equal. */
  readonly unordered?: boolean;
  /** Of a stream without end: items to wait for. */
  readonly take?: number;
  /** It has to fail, as this. */
  readonly fault?: string;
}
