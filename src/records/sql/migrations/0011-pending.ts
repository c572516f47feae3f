/** Voice whose text may come at the end of its session only: a connection was lost. */
export const PENDING_SCHEMA = `
ALTER TABLE roomscribe.session ADD COLUMN pending_texts jsonb;
`
