-- Analyses in mode RAW: its flag was open to whoever submitted the job. Without a row nobody was asked: a schedule queued
-- it, or an older program.
CREATE TABLE corpus_raw_jobs (
  zone_id TEXT NOT NULL,
  job_id TEXT NOT NULL,
  PRIMARY KEY (zone_id, job_id)
);
