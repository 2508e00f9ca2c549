/**
 * Which attempts a worker has in hand: begun, and their end not told yet. A claim may be heard of in two ways, by the round that made it
 * and by whoever queued the job under an offer and asks whose it is. Guarantees: of these the first begins the attempt, and no
 * other; an answer that was on its way while the attempt began, or ended, begins nothing.
 */

/** A question whose a job is, on its way. */
interface Question {
  readonly job_id: string;
  /** What it will be told was heard of by itself. */
  known: boolean;
}

export class Hands {
  private readonly attempts = new Map<string, number>();
  private readonly questions = new Set<Question>();

  /** False where it was begun before. */
  begin(job_id: string, attempt: number): boolean {
    for (const question of this.questions) if (question.job_id === job_id) question.known = true;
    if (this.attempts.get(job_id) === attempt) return false;
    this.attempts.set(job_id, attempt);
    return true;
  }

  /** Its end was told, or the attempt is somebody else's. */
  drop(job_id: string, attempt: number): void {
    if (this.attempts.get(job_id) === attempt) this.attempts.delete(job_id);
  }

  /** Whose the job is, is asked now. What is given back is called with the answer: is it of something that nobody here has heard of? */
  ask(job_id: string): () => boolean {
    const question: Question = { job_id, known: this.attempts.has(job_id) };
    this.questions.add(question);
    return () => {
      this.questions.delete(question);
      return !question.known;
    };
  }
}
