/**
 * Who holds which claim, and that it lives: `beat` grows as long as the process does. A claim that is released may be taken at once, and
 * its holder's last texts are still welcome; `left_ms` is when that one stopped hearing, ms from the meeting's start.
 */
export const CLAIM_SCHEMA = `
CREATE TABLE roomscribe.holder (
  id uuid PRIMARY KEY,
  beat bigint NOT NULL DEFAULT 0,
  beat_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE roomscribe.claim (
  meeting_id uuid NOT NULL REFERENCES roomscribe.meeting ON DELETE CASCADE,
  epoch integer NOT NULL,
  holder uuid,
  taken_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  released boolean NOT NULL DEFAULT false,
  left_ms double precision,
  PRIMARY KEY (meeting_id, epoch)
);
`
