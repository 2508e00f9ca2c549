/** What a call is told of bricks (base/bricks.ts), as this node has last seen them (core/brick-board.ts). */
import type { BrickName } from '../../base/bricks.ts';

/** Rung behind each choice about a brick. */
export const BRICKS_TOPIC = 'bricks';

export interface BrickState {
  /** When this node started, in milliseconds: what nobody ever chose about is active since then. */
  readonly since: number;
  isOff(brick: BrickName): boolean;
  /** UNAVAILABLE where jobs of the type are for a brick that is off, so that nobody runs them. */
  checkType(type: string): void;
}

/** The same for an operation that switches a brick and waits until its calls have ended. */
export interface BrickSwitch extends BrickState {
  /** This server among those that share the database; undefined where there is no other. */
  readonly node_id: string | undefined;
  /** Takes over what has been committed by now. */
  look(): Promise<void>;
  /** No call of it runs here. */
  isIdle(brick: BrickName): boolean;
  /** Types of jobs that are for it. */
  jobTypes(brick: BrickName): readonly string[];
}
