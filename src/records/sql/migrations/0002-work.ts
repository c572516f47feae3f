/**
 * Work that meetings wait for (an outbox). A row is written by the same transaction that makes it due, whatever statement writes
 * the state, and stands until what it asks for is done: a queue that loses jobs is given them again.
 * `dead_*` tell of the step that the queue has given up, until a person asks for it again.
 */
export const WORK_SCHEMA = `
CREATE TABLE roomscribe.work (
  meeting_id uuid NOT NULL REFERENCES roomscribe.meeting ON DELETE CASCADE,
  kind text NOT NULL,
  due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  added integer NOT NULL DEFAULT 0,
  dead_id text,
  dead_step text,
  dead_reason text,
  dead_attempts integer,
  dead_at timestamptz,
  PRIMARY KEY (meeting_id, kind)
);
CREATE INDEX work_due ON roomscribe.work (due_at);
CREATE INDEX work_dead ON roomscribe.work (dead_at) WHERE dead_id IS NOT NULL;

CREATE FUNCTION roomscribe.keep_work() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state IN ('done', 'failed', 'cancelled', 'missed') THEN
    DELETE FROM roomscribe.work WHERE meeting_id = NEW.id;
  ELSIF NEW.state = 'finalising' THEN
    DELETE FROM roomscribe.work WHERE meeting_id = NEW.id AND kind <> 'follow_up';
    INSERT INTO roomscribe.work (meeting_id, kind) VALUES (NEW.id, 'follow_up') ON CONFLICT DO NOTHING;
  ELSIF TG_OP = 'INSERT' THEN
    INSERT INTO roomscribe.work (meeting_id, kind) VALUES (NEW.id, 'attend') ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER meeting_work AFTER INSERT OR UPDATE OF state ON roomscribe.meeting
  FOR EACH ROW EXECUTE FUNCTION roomscribe.keep_work();

INSERT INTO roomscribe.work (meeting_id, kind)
  SELECT id, CASE state WHEN 'finalising' THEN 'follow_up' ELSE 'attend' END
  FROM roomscribe.meeting WHERE state NOT IN ('done', 'failed', 'cancelled', 'missed');
`
