/** What is rung about jobs; hints, as all rings are. */

/** A job of executor `nexus`, or of another, may be claimed. */
export const WAITING = 'jobs.waiting';
/** A job has ended, or was cancelled. */
export const ENDED = 'jobs.ended';
/** There is a job of the server itself. */
export const HOUSEWORK = 'jobs.housework';
