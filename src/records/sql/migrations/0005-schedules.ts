/**
 * Schedules and their occurrences. `due_at` of an occurrence is its time minus the lead, later when it has to wait for its room; `look_at` of a
 * schedule is when its feed is asked for and its occurrences are planned again.
 *
 * `start_due` is the only place where an occurrence gets its meeting. It takes rows that nobody else has (SKIP LOCKED), in order of the room, so
 * that two processes never wait for each other crosswise; the unique index of running meetings decides who makes one, and the trigger of
 * `meeting` writes its work. `apply_plan` writes what a calendar says now, if the schedule is still of the version that was read.
 *
 * A meeting that is asked for later waits for its time: its work is due then.
 */
export const SCHEDULE_SCHEMA = `
CREATE TABLE roomscribe.schedule (
  id uuid PRIMARY KEY,
  kind text NOT NULL,
  room text,
  title text,
  language text,
  vocabulary jsonb NOT NULL,
  slack_channel text,
  cron text,
  time_zone text,
  start_at timestamptz,
  duration_sec integer NOT NULL,
  url text,
  lead_sec integer NOT NULL,
  enabled boolean NOT NULL,
  owner text,
  rooms jsonb,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL,
  look_at timestamptz,
  failures integer NOT NULL DEFAULT 0,
  polled_at timestamptz,
  changed_at timestamptz,
  problem text,
  feed bytea,
  etag text,
  last_modified text
);
CREATE INDEX schedule_look ON roomscribe.schedule (look_at) WHERE enabled;

CREATE TABLE roomscribe.occurrence (
  id uuid PRIMARY KEY,
  schedule_id uuid NOT NULL REFERENCES roomscribe.schedule ON DELETE CASCADE,
  key text NOT NULL,
  start_at timestamptz NOT NULL,
  end_at timestamptz NOT NULL,
  due_at timestamptz NOT NULL,
  title text,
  room text,
  room_problem text,
  language text,
  vocabulary jsonb NOT NULL,
  slack_channel text,
  state text NOT NULL,
  reason text,
  meeting_id uuid REFERENCES roomscribe.meeting ON DELETE SET NULL,
  is_own boolean NOT NULL DEFAULT false,
  UNIQUE (schedule_id, key)
);
CREATE INDEX occurrence_due ON roomscribe.occurrence (due_at) WHERE state = 'planned';
CREATE INDEX occurrence_joined ON roomscribe.occurrence (end_at) WHERE state = 'started' AND NOT is_own;
CREATE INDEX occurrence_time ON roomscribe.occurrence (schedule_id, start_at);
CREATE INDEX occurrence_meeting ON roomscribe.occurrence (meeting_id) WHERE meeting_id IS NOT NULL;

CREATE FUNCTION roomscribe.start_due(p_now timestamptz, p_ids uuid[])
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
    INSERT INTO roomscribe.meeting (id, room, title, language, vocabulary, slack_channel, start_at, end_at, state, created_at)
      VALUES (p_ids[v_next], v_due.room, v_due.title, v_due.language, v_due.vocabulary, v_due.slack_channel, v_due.start_at, v_due.end_at,
        'queued', p_now)
      ON CONFLICT (room) WHERE state NOT IN ('done', 'failed', 'cancelled', 'missed') DO NOTHING
      RETURNING id INTO v_made;
    IF v_made IS NOT NULL THEN
      UPDATE roomscribe.occurrence SET state = 'started', reason = NULL, meeting_id = v_made, is_own = true WHERE id = v_due.id;
      o_outcome := 'started';
      o_meeting := v_made;
      o_own := true;
      RETURN NEXT;
      CONTINUE;
    END IF;
    SELECT m.id, m.state, m.stop_requested INTO v_running FROM roomscribe.meeting m
      WHERE m.room = v_due.room AND m.state NOT IN ('done', 'failed', 'cancelled', 'missed');
    IF NOT FOUND OR v_running.stop_requested OR v_running.state IN ('draining', 'finalising') THEN
      -- its bot is on the way out: whoever comes now would not be heard
      UPDATE roomscribe.occurrence SET due_at = p_now + interval '1 second', reason = 'the meeting before it in its room was not over'
      WHERE id = v_due.id;
      o_outcome := 'waiting';
      RETURN NEXT;
      CONTINUE;
    END IF;
    UPDATE roomscribe.occurrence SET state = 'started', reason = 'it joined the meeting that was running in its room',
      meeting_id = v_running.id, is_own = false WHERE id = v_due.id;
    IF v_running.state = 'scheduled' THEN
      UPDATE roomscribe.work SET due_at = clock_timestamp() WHERE meeting_id = v_running.id AND kind = 'attend';
    END IF;
    o_outcome := 'started';
    o_meeting := v_running.id;
    RETURN NEXT;
  END LOOP;
END $$;

CREATE FUNCTION roomscribe.apply_plan(p_schedule uuid, p_version integer, p_now timestamptz, p_until timestamptz, p_rows jsonb, p_keep text[])
RETURNS TABLE (o_changed integer, o_orphan uuid)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  v_schedule record;
  v_row record;
  v_lead interval;
  v_changed integer := 0;
  v_count integer;
BEGIN
  SELECT s.lead_sec, s.slack_channel INTO v_schedule FROM roomscribe.schedule s
    WHERE s.id = p_schedule AND s.version = p_version AND s.enabled FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  v_lead := v_schedule.lead_sec * interval '1 second';
  -- from here on no occurrence of it changes its state under our hands
  PERFORM 1 FROM roomscribe.occurrence o WHERE o.schedule_id = p_schedule
    AND (o.end_at > p_now OR o.state = 'planned' OR o.key IN (SELECT e.item ->> 'key' FROM jsonb_array_elements(p_rows) AS e(item)))
    ORDER BY o.id FOR UPDATE;

  -- those that have their bot
  FOR v_row IN
    SELECT o.id, o.meeting_id, o.is_own, o.start_at, o.end_at, o.title, g.key IS NOT NULL AS is_there, coalesce(g.cancelled, false) AS is_cancelled,
      g.start_at AS new_start, g.end_at AS new_end, g.title AS new_title, g.room IS NOT NULL AS has_room
    FROM roomscribe.occurrence o LEFT JOIN jsonb_to_recordset(p_rows) AS g(key text, start_at timestamptz, end_at timestamptz, title text,
      room text, cancelled boolean) ON g.key = o.key
    WHERE o.schedule_id = p_schedule AND o.state = 'started'
      AND (g.key IS NOT NULL OR (o.end_at > p_now AND o.start_at <= p_until AND NOT split_part(o.key, '/', 1) = ANY (p_keep)))
    ORDER BY o.id
  LOOP
    IF v_row.is_there AND NOT v_row.is_cancelled AND (v_row.new_start - v_lead <= p_now
      OR greatest(v_row.new_start, v_row.start_at) - least(v_row.new_start, v_row.start_at) <= v_lead) THEN
      IF v_row.end_at > p_now AND (v_row.new_start, v_row.new_end, v_row.new_title) IS DISTINCT FROM (v_row.start_at, v_row.end_at, v_row.title) THEN
        UPDATE roomscribe.occurrence SET start_at = v_row.new_start, end_at = v_row.new_end, title = v_row.new_title WHERE id = v_row.id;
        v_changed := v_changed + 1;
      END IF;
      CONTINUE;
    END IF;
    IF v_row.is_there AND NOT v_row.is_cancelled THEN
      -- moved: it gets a bot of its own at its new time; the statement below writes the rest
      UPDATE roomscribe.occurrence SET state = 'skipped', meeting_id = NULL, is_own = false WHERE id = v_row.id;
    ELSIF v_row.end_at > p_now THEN
      UPDATE roomscribe.occurrence SET state = 'cancelled', is_own = false,
        reason = CASE WHEN v_row.is_there THEN 'cancelled in the calendar after its bot had started'
          ELSE 'taken out of the schedule after its bot had started' END
      WHERE id = v_row.id;
    ELSE
      CONTINUE;
    END IF;
    v_changed := v_changed + 1;
    IF v_row.is_own AND v_row.end_at > p_now AND NOT EXISTS (
      SELECT 1 FROM roomscribe.occurrence o WHERE o.meeting_id = v_row.meeting_id AND o.state = 'started') THEN
      o_changed := 0;
      o_orphan := v_row.meeting_id;
      RETURN NEXT;
    END IF;
  END LOOP;

  -- those that wait for their time, and new ones
  INSERT INTO roomscribe.occurrence AS o (id, schedule_id, key, start_at, end_at, due_at, title, room, room_problem, language, vocabulary,
      slack_channel, state, reason)
    SELECT g.id, p_schedule, g.key, g.start_at, g.end_at, g.start_at - v_lead, g.title, g.room, g.room_problem, g.language, g.vocabulary,
      v_schedule.slack_channel,
      CASE WHEN g.cancelled THEN 'cancelled' WHEN g.room IS NULL THEN 'skipped' ELSE 'planned' END,
      CASE WHEN g.cancelled THEN 'cancelled in the calendar' WHEN g.room IS NULL THEN g.room_problem END
    FROM jsonb_to_recordset(p_rows) AS g(id uuid, key text, start_at timestamptz, end_at timestamptz, title text, room text, room_problem text,
      language text, vocabulary jsonb, cancelled boolean)
    WHERE g.end_at > p_now
    ORDER BY g.key
    ON CONFLICT (schedule_id, key) DO UPDATE SET start_at = excluded.start_at, end_at = excluded.end_at, due_at = excluded.due_at,
      title = excluded.title, room = excluded.room, room_problem = excluded.room_problem, language = excluded.language,
      vocabulary = excluded.vocabulary, slack_channel = excluded.slack_channel, state = excluded.state, reason = excluded.reason
    WHERE o.state <> 'started' AND NOT (o.state = 'cancelled' AND excluded.state = 'cancelled') AND (
      (o.start_at, o.end_at, o.title, o.room, o.room_problem, o.language, o.vocabulary, o.slack_channel, o.state)
      IS DISTINCT FROM (excluded.start_at, excluded.end_at, excluded.title, excluded.room, excluded.room_problem, excluded.language,
        excluded.vocabulary, excluded.slack_channel, excluded.state)
      -- another lead; one that waits for its room, which has a reason, goes on waiting
      OR (o.state = 'planned' AND o.reason IS NULL AND o.due_at <> excluded.due_at));
  GET DIAGNOSTICS v_count = ROW_COUNT;
  v_changed := v_changed + v_count;

  -- those that are gone
  UPDATE roomscribe.occurrence o SET state = 'cancelled', reason = 'no longer in the schedule'
    WHERE o.schedule_id = p_schedule AND o.state IN ('planned', 'skipped') AND o.end_at > p_now AND o.start_at <= p_until
      AND NOT split_part(o.key, '/', 1) = ANY (p_keep)
      AND o.key NOT IN (SELECT e.item ->> 'key' FROM jsonb_array_elements(p_rows) AS e(item));
  GET DIAGNOSTICS v_count = ROW_COUNT;
  v_changed := v_changed + v_count;

  DELETE FROM roomscribe.occurrence o WHERE o.schedule_id = p_schedule AND o.end_at < p_now - interval '90 days';
  o_changed := v_changed;
  o_orphan := NULL;
  RETURN NEXT;
END $$;

CREATE OR REPLACE FUNCTION roomscribe.keep_work() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state IN ('done', 'failed', 'cancelled', 'missed') THEN
    DELETE FROM roomscribe.work WHERE meeting_id = NEW.id;
  ELSIF NEW.state = 'finalising' THEN
    DELETE FROM roomscribe.work WHERE meeting_id = NEW.id AND kind <> 'follow_up';
    INSERT INTO roomscribe.work (meeting_id, kind) VALUES (NEW.id, 'follow_up') ON CONFLICT DO NOTHING;
  ELSIF TG_OP = 'INSERT' THEN
    INSERT INTO roomscribe.work (meeting_id, kind, due_at)
      VALUES (NEW.id, 'attend', CASE WHEN NEW.state = 'scheduled' THEN coalesce(NEW.start_at, clock_timestamp()) ELSE clock_timestamp() END)
      ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END $$;
`
