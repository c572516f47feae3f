/** Whose a session is: the epoch of the claim under which it was opened; NULL: it is older than this column. */
export const SESSION_EPOCHS_SCHEMA = `
ALTER TABLE roomscribe.session ADD COLUMN epoch integer;
`
