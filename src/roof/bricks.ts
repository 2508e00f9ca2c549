/** Which bricks are off, followed by this process. */
import { type BoardParts, BrickBoard } from '../core/brick-board.ts';
import { jobTypesOf } from '../core/operations.ts';
import type { Runner } from '../core/transact.ts';
import { systemClock } from '../engines/process/system-clock.ts';
import { seeBricks } from '../features/bricks/bricks.operations.ts';
import { systemSteps } from './system.ts';

export interface BricksParts extends Pick<BoardParts, 'sql' | 'rings' | 'log' | 'node_id'> {
  readonly runner: Runner;
}

/** Knows what was chosen before. */
export async function openBricks({ runner, ...parts }: BricksParts): Promise<BrickBoard> {
  const step = systemSteps(runner);
  const { node_id } = parts;
  const quiet = async (revision: number): Promise<boolean> =>
    node_id === undefined || step(seeBricks, 'root', { node_id, revision });
  const board = new BrickBoard({ ...parts, clock: systemClock, jobTypes: jobTypesOf, quiet });
  await board.start();
  return board;
}
