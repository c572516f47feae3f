/**
 * A meeting whose bot has left has ended, and its room is free: what follows it may be held up for days, by a post that nobody can deliver. Who is
 * due in its room waits 10 s for it, which is longer than that takes where nothing holds it up. The functions are those of 0008 but for that.
 */
export const ROOMS_SCHEMA = `
DROP INDEX roomscribe.meeting_running;
CREATE UNIQUE INDEX meeting_running ON roomscribe.meeting (room)
  WHERE state NOT IN ('scheduled', 'finalising', 'done', 'failed', 'cancelled', 'missed');

CREATE FUNCTION roomscribe.just_ended(p_room text, p_now timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT 1 FROM roomscribe.meeting WHERE room = p_room AND state = 'finalising'
    AND coalesce(ended_at, p_now) > p_now - interval '10 seconds')
$$;

CREATE OR REPLACE FUNCTION roomscribe.start_meetings(p_now timestamptz, p_limit integer, p_origin text)
RETURNS TABLE (o_meeting uuid, o_outcome text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  v_due record;
  v_running record;
BEGIN
  FOR v_due IN
    SELECT d.* FROM (
      SELECT m.id, m.room, m.start_at FROM roomscribe.meeting m
      WHERE m.state = 'scheduled' AND m.due_at <= p_now AND m.end_at > p_now
      ORDER BY m.due_at, m.id LIMIT p_limit
      FOR UPDATE SKIP LOCKED
    ) d ORDER BY d.room, d.start_at, d.id
  LOOP
    o_meeting := v_due.id;
    o_outcome := 'waiting';
    SELECT m.state, m.stop_requested INTO v_running FROM roomscribe.meeting m
      WHERE m.room = v_due.room AND m.state NOT IN ('scheduled', 'finalising', 'done', 'failed', 'cancelled', 'missed');
    IF NOT FOUND AND NOT roomscribe.just_ended(v_due.room, p_now) THEN
      BEGIN
        UPDATE roomscribe.meeting SET state = 'queued', due_at = NULL WHERE id = v_due.id;
        o_outcome := 'queued';
      EXCEPTION WHEN unique_violation THEN
        -- somebody else had the room since it was looked at
        o_outcome := 'waiting';
      END;
    ELSIF NOT v_running.stop_requested AND v_running.state <> 'draining'
      AND v_due.start_at + interval '60 seconds' <= p_now THEN
      UPDATE roomscribe.meeting SET state = 'cancelled', reason = 'room_taken', ended_at = p_now WHERE id = v_due.id;
      o_outcome := 'cancelled';
    END IF;
    IF o_outcome = 'waiting' THEN
      UPDATE roomscribe.meeting SET due_at = p_now + interval '1 second' WHERE id = v_due.id;
    ELSE
      PERFORM roomscribe.tell(v_due.id, 'state', NULL, p_origin);
    END IF;
    RETURN NEXT;
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION roomscribe.start_due(p_now timestamptz, p_ids uuid[])
RETURNS TABLE (o_occurrence uuid, o_schedule uuid, o_outcome text, o_meeting uuid, o_own boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  v_due record;
  v_running record;
  v_made uuid;
  v_next integer := 0;
BEGIN
  FOR v_due IN
    SELECT d.* FROM (
      SELECT o.* FROM roomscribe.occurrence o
      WHERE o.state = 'planned' AND o.due_at <= p_now
      ORDER BY o.due_at, o.id LIMIT cardinality(p_ids)
      FOR UPDATE SKIP LOCKED
    ) d ORDER BY d.room, d.id
  LOOP
    o_occurrence := v_due.id;
    o_schedule := v_due.schedule_id;
    o_meeting := NULL;
    o_own := false;
    IF v_due.end_at <= p_now THEN
      UPDATE roomscribe.occurrence SET state = 'missed', reason = coalesce(v_due.reason, 'roomscribe was not running while it lasted')
      WHERE id = v_due.id;
      o_outcome := 'missed';
      RETURN NEXT;
      CONTINUE;
    END IF;
    v_next := v_next + 1;
    v_made := NULL;
    IF NOT roomscribe.just_ended(v_due.room, p_now) THEN
      INSERT INTO roomscribe.meeting (id, room, title, language, vocabulary, slack_channel, start_at, end_at, state, created_at)
        VALUES (p_ids[v_next], v_due.room, v_due.title, v_due.language, v_due.vocabulary, v_due.slack_channel, v_due.start_at, v_due.end_at,
          'queued', p_now)
        ON CONFLICT (room) WHERE state NOT IN ('scheduled', 'finalising', 'done', 'failed', 'cancelled', 'missed') DO NOTHING
        RETURNING id INTO v_made;
    END IF;
    IF v_made IS NOT NULL THEN
      UPDATE roomscribe.occurrence SET state = 'started', reason = NULL, meeting_id = v_made, is_own = true WHERE id = v_due.id;
      o_outcome := 'started';
      o_meeting := v_made;
      o_own := true;
      RETURN NEXT;
      CONTINUE;
    END IF;
    SELECT m.id, m.state, m.stop_requested INTO v_running FROM roomscribe.meeting m
      WHERE m.room = v_due.room AND m.state NOT IN ('scheduled', 'finalising', 'done', 'failed', 'cancelled', 'missed');
    IF NOT FOUND OR v_running.stop_requested OR v_running.state = 'draining' THEN
      -- its bot is on the way out: whoever comes now would not be heard
      UPDATE roomscribe.occurrence SET due_at = p_now + interval '1 second', reason = 'the meeting before it in its room was not over'
      WHERE id = v_due.id;
      o_outcome := 'waiting';
      RETURN NEXT;
      CONTINUE;
    END IF;
    UPDATE roomscribe.occurrence SET state = 'started', reason = 'it joined the meeting that was running in its room',
      meeting_id = v_running.id, is_own = false WHERE id = v_due.id;
    o_outcome := 'started';
    o_meeting := v_running.id;
    RETURN NEXT;
  END LOOP;
END $$;
`
