/**
 * Whose a session is: the epoch of the claim under which it was opened; NULL: it is older than this column. And which claims that were
 * given away are taken for dead: nothing more is written under them.
 */
export const WHOSE_SCHEMA = `
ALTER TABLE roomscribe.session ADD COLUMN epoch integer;
ALTER TABLE roomscribe.claim ADD COLUMN revoked boolean NOT NULL DEFAULT false;
`
