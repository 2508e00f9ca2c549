/**
 * What a command undoes and says when a signal ends it. Guarantees: all of it is undone, the latest first, before the process
 * ends with the code that shells give to that signal; a second signal ends it at once.
 */
import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

type Undo = () => Promise<void> | void;
const undoing: Undo[] = [];
let ending = false;

async function heard(signal: NodeJS.Signals): Promise<void> {
  const code = 128 + constants.signals[signal];
  if (ending) process.exit(code);
  ending = true;
  for (const undo of undoing.toReversed()) await undo();
  process.exit(code);
}

/** Undoes it if a signal comes, until what is returned is called. */
export function onInterrupt(undo: Undo): () => void {
  if (undoing.length === 0) for (const signal of SIGNALS) process.on(signal, heard);
  undoing.push(undo);
  return () => {
    const at = undoing.indexOf(undo);
    if (at !== -1) undoing.splice(at, 1);
    if (undoing.length === 0 && !ending) for (const signal of SIGNALS) process.off(signal, heard);
  };
}
