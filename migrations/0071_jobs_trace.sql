-- Where a job comes from: the span that submitted it, as W3C Trace Context writes it.
ALTER TABLE jobs ADD COLUMN traceparent TEXT;
