-- Analyses in mode RAW: was the flag of that mode open to whoever submitted the job? Without a row nobody was asked: a
-- schedule queued it, or an older program.
CREATE TABLE corpus_raw_jobs (
  zone_id TEXT NOT NULL,
  job_id TEXT NOT NULL,
  open INTEGER NOT NULL,
  PRIMARY KEY (zone_id, job_id)
);
