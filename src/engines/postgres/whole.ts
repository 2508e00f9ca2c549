/**
 * A whole transaction in one packet: PostgreSQL takes statements up to the next Sync for one transaction and commits it
 * there, so neither BEGIN nor COMMIT has to be said, and nothing is waited for in between. Guarantees: each statement is
 * answered as if it had been sent alone; the answers of all leave the server before it commits; where the server answered
 * one with a failure, nothing of it is kept, whatever becomes of the connection, and the commit is answered as a rollback.
 */
import { DatabaseError, Query, type QueryResult } from 'pg';

export type Answer = (error: Error | null, result: QueryResult) => void;

/** What a driver's query is to the connection that it is sent on. */
export interface Wire {
  readonly parsedStatements: Readonly<Record<string, string>>;
  flush(): void;
  sync(): void;
}

interface Sent {
  submit(wire: Wire): Error | null;
  handleCommandComplete(message: object, wire: Wire): void;
  readonly _result: QueryResult;
}

const DriverQuery = Query as unknown as new (question: object) => Sent;

export interface Part {
  readonly question: { readonly text: string; readonly name?: string | undefined };
  readonly answer: Answer;
}

const commandOnly = (command: string): QueryResult => ({ command, rows: [], rowCount: null, oid: 0, fields: [] });

/** What a connection has prepared can be sent so: behind a failure the server looks at no text any more. */
export const isPrepared = ({ question: { name } }: Part, { parsedStatements }: Wire): boolean =>
  name !== undefined && parsedStatements[name] !== undefined;

export class WholeTransaction extends DriverQuery {
  readonly #begin: Part;
  readonly #statements: readonly Part[];
  readonly #commit: Part;
  #answered = 0;

  constructor(begin: Part, statements: readonly Part[], commit: Part) {
    super({ text: 'BEGIN' });
    this.#begin = begin;
    this.#statements = statements;
    this.#commit = commit;
  }

  override submit(wire: Wire): Error | null {
    // A query ends with a Sync of its own, which would be a commit.
    const quiet = Object.create(wire, { sync: { value: () => undefined } }) as Wire;
    for (const { question } of this.#statements) new DriverQuery(question).submit(quiet);
    // What the statements gave is told while the disk is waited for.
    wire.flush();
    wire.sync();
    return null;
  }

  override handleCommandComplete(message: object, wire: Wire): void {
    super.handleCommandComplete(message, wire);
    this.#statements[this.#answered++]?.answer(null, this._result);
  }

  handleReadyForQuery(): void {
    this.#begin.answer(null, commandOnly('BEGIN'));
    this.#commit.answer(null, commandOnly('COMMIT'));
  }

  handleError(error: Error): void {
    const none = commandOnly('');
    const unanswered = this.#statements.slice(this.#answered);
    // Behind its failure the server does nothing up to the Sync; behind the last statement it may have committed.
    const refused = unanswered.length > 0 && error instanceof DatabaseError;
    for (const { answer } of unanswered) answer(error, none);
    if (refused) {
      this.#begin.answer(null, commandOnly('BEGIN'));
      this.#commit.answer(null, commandOnly('ROLLBACK'));
    } else {
      this.#begin.answer(error, none);
      this.#commit.answer(error, none);
    }
  }
}
