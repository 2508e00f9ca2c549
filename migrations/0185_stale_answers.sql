-- Calls that came with a key and were remembered as answered though they had to be prepared again and never took place.
DELETE FROM answers WHERE answer = '{"stale":true}';
