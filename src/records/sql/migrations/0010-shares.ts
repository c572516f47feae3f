/** What each bot of a meeting heard that several ran one after the other, by the epoch of its claim. */
export const SHARES_SCHEMA = `
CREATE TABLE roomscribe.coverage_share (
  meeting_id uuid NOT NULL REFERENCES roomscribe.meeting ON DELETE CASCADE,
  epoch integer NOT NULL,
  coverage jsonb NOT NULL,
  PRIMARY KEY (meeting_id, epoch)
);
`
