/**
 * What LiveKit's webhooks and auto-join need: ids of events (each has its effect once), one row a room that bots join by themselves,
 * and whose turn it is to list rooms. A room is kept as the hash of its name: what is deleted elsewhere is not readable here.
 */
export const WEBHOOK_SCHEMA = `
CREATE TABLE roomscribe.webhook_event (
  id text PRIMARY KEY,
  received_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX webhook_event_received ON roomscribe.webhook_event (received_at);

CREATE TABLE roomscribe.auto_join (
  room_hash text PRIMARY KEY,
  meeting_id uuid NOT NULL,
  room_sid text,
  is_own boolean NOT NULL,
  is_cleared boolean NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX auto_join_changed ON roomscribe.auto_join (changed_at);

CREATE TABLE roomscribe.auto_join_round (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  due_at timestamptz NOT NULL
);
`
