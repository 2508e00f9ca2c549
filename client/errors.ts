/** Failures of a call, by what the caller can do about them. Each carries the fault as the server told it. */

export interface FaultBody {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Failure extends FaultBody {
  /** HTTP status; for a JSON-RPC failure the one that its code has over REST. */
  readonly status: number;
  readonly request_id: string;
}

export class NexusError extends Error {
  readonly code: string;
  readonly status: number;
  readonly retryable: boolean;
  readonly data: Readonly<Record<string, unknown>>;
  readonly requestId: string;

  constructor(failure: Failure) {
    super(failure.message);
    this.name = new.target.name;
    this.code = failure.code;
    this.status = failure.status;
    this.retryable = failure.retryable;
    this.data = failure.data;
    this.requestId = failure.request_id;
  }
}

/** 401 and 403: another key, or a grant, is needed. */
export class PermissionDeniedError extends NexusError {}
export class NotFoundError extends NexusError {}
/** 409 and 412: read the thing again. */
export class ConflictError extends NexusError {}
/** The call itself is wrong. */
export class InvalidError extends NexusError {}
/** A limit of the zone is reached. */
export class QuotaError extends NexusError {}
/** Too many calls, or the server is not able to take them now. */
export class RateLimitError extends NexusError {
  /** Seconds to wait. */
  readonly retryAfter: number;

  constructor(failure: Failure, retryAfter: number) {
    super(failure);
    this.retryAfter = retryAfter;
  }
}

/** No server answers at the URL. */
export class UnreachableError extends Error {
  readonly url: string;

  constructor(url: string, cause: unknown) {
    super(`no server answers at ${url}`, { cause });
    this.name = 'UnreachableError';
    this.url = url;
  }
}

export function errorOf(failure: Failure, retryAfter: number): NexusError {
  const { status } = failure;
  if (status === 401 || status === 403) return new PermissionDeniedError(failure);
  if (status === 404 || status === 410) return new NotFoundError(failure);
  if (status === 409 || status === 412) return new ConflictError(failure);
  if (status === 429 || status === 503) return new RateLimitError(failure, retryAfter);
  if (status === 507) return new QuotaError(failure);
  if (status >= 400 && status < 500) return new InvalidError(failure);
  return new NexusError(failure);
}
