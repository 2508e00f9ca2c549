/** ISO 8601 UTC with milliseconds and `Z`, the one form in which a time leaves the server. */
export const isoTime = (ms: number): string => new Date(ms).toISOString();
