/** Commands on files whose answer says of itself, or of a part, that it failed: the exit code is 1 then. */
import type { Command } from '../command.ts';
import { derivedCommand } from '../derived.ts';
import { show } from '../show.ts';

interface Outcome {
  readonly success: boolean;
}

const codeOfAll = (outcomes: readonly Outcome[]): number => (outcomes.every(({ success }) => success) ? 0 : 1);

export const fileViews: readonly Command[] = [
  derivedCommand('file edit', show, (answer) => codeOfAll([answer as Outcome])),
  ...['file delete-bulk', 'file rename-bulk'].map((words) =>
    derivedCommand(words, show, (answer) => codeOfAll(Object.values(answer as Readonly<Record<string, Outcome>>))),
  ),
];
