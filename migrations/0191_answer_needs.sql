-- What the first caller had to be and to have, as JSON {role, needs}; who asks again has to have it too. Without it: made before.
ALTER TABLE answers ADD COLUMN allowed TEXT;
