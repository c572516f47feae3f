/** What whoever asked for a write said about it; forgotten with its meeting. */
export const NOTES_SCHEMA = `
ALTER TABLE roomscribe.audit ADD COLUMN note text;
CREATE INDEX audit_note ON roomscribe.audit (meeting_id) WHERE note IS NOT NULL;
`
