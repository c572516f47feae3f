/**
 * The first schema. Plain SQL that PostgreSQL 13 and PGlite both take.
 * `append_segments` numbers and stores in one round trip: it holds the meeting's row lock until its transaction ends, so
 * numbers become visible in order and a reader of `seq > n` misses nothing. It looks for duplicates after it has the
 * lock, with a snapshot of its own, so numbers have no holes either.
 */
export const FIRST_SCHEMA = `
CREATE TABLE roomscribe.meeting (
  id uuid PRIMARY KEY,
  room text NOT NULL,
  title text,
  language text,
  vocabulary jsonb NOT NULL,
  slack_channel text,
  start_at timestamptz,
  end_at timestamptz,
  bot_name text,
  state text NOT NULL,
  reason text,
  stop_requested boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL,
  started_at timestamptz,
  ended_at timestamptz,
  participants jsonb NOT NULL DEFAULT '[]',
  epoch integer NOT NULL DEFAULT 0,
  last_seq integer NOT NULL DEFAULT 0,
  coverage jsonb,
  is_complete boolean
);
CREATE UNIQUE INDEX meeting_running ON roomscribe.meeting (room) WHERE state NOT IN ('done', 'failed', 'cancelled', 'missed');
CREATE INDEX meeting_room ON roomscribe.meeting (room, id);
CREATE INDEX meeting_state ON roomscribe.meeting (state, id);

CREATE TABLE roomscribe.session (
  meeting_id uuid NOT NULL REFERENCES roomscribe.meeting ON DELETE CASCADE,
  session_id text NOT NULL,
  position integer GENERATED ALWAYS AS IDENTITY,
  vendor_id text,
  channels integer NOT NULL,
  sample_rate integer NOT NULL,
  sent_frames bigint NOT NULL,
  acknowledged_frames bigint NOT NULL,
  end_reason text,
  PRIMARY KEY (meeting_id, session_id)
);

CREATE TABLE roomscribe.span (
  meeting_id uuid NOT NULL REFERENCES roomscribe.meeting ON DELETE CASCADE,
  session_id text NOT NULL,
  channel integer NOT NULL,
  from_frame bigint NOT NULL,
  to_frame bigint NOT NULL,
  track_key text NOT NULL,
  identity text NOT NULL,
  meeting_ms double precision NOT NULL,
  PRIMARY KEY (meeting_id, session_id, channel, from_frame)
);

CREATE TABLE roomscribe.segment (
  meeting_id uuid NOT NULL REFERENCES roomscribe.meeting ON DELETE CASCADE,
  seq integer NOT NULL,
  id text NOT NULL,
  session_id text NOT NULL,
  utterance_id text NOT NULL,
  part integer NOT NULL,
  identity text,
  start_ms double precision NOT NULL,
  end_ms double precision NOT NULL,
  text text NOT NULL,
  words jsonb NOT NULL,
  language text,
  confidence double precision NOT NULL,
  channel integer NOT NULL,
  PRIMARY KEY (meeting_id, seq),
  UNIQUE (meeting_id, session_id, utterance_id, part)
);

CREATE TABLE roomscribe.gap (
  n integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  meeting_id uuid NOT NULL REFERENCES roomscribe.meeting ON DELETE CASCADE,
  identity text NOT NULL,
  from_ms double precision NOT NULL,
  to_ms double precision NOT NULL,
  reason text NOT NULL,
  UNIQUE (meeting_id, identity, from_ms, to_ms, reason)
);

CREATE TABLE roomscribe.summary (
  meeting_id uuid PRIMARY KEY REFERENCES roomscribe.meeting ON DELETE CASCADE,
  model text NOT NULL,
  created_at timestamptz NOT NULL,
  sections jsonb NOT NULL
);

CREATE TABLE roomscribe.delivery (
  meeting_id uuid NOT NULL REFERENCES roomscribe.meeting ON DELETE CASCADE,
  destination text NOT NULL,
  part text NOT NULL,
  position integer GENERATED ALWAYS AS IDENTITY,
  state text NOT NULL,
  reference text,
  PRIMARY KEY (meeting_id, destination, part)
);

CREATE FUNCTION roomscribe.tell(p_meeting uuid, p_kind text, p_first bigint, p_origin text) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
  -- no origin: nobody but the caller's own process can be listening
  IF p_origin IS NOT NULL THEN
    PERFORM pg_notify('roomscribe_feed',
      json_build_object('meeting', p_meeting, 'kind', p_kind, 'first', p_first, 'origin', p_origin)::text);
  END IF;
  RETURN true;
END $$;

CREATE FUNCTION roomscribe.append_segments(p_meeting uuid, p_epoch integer, p_rows jsonb, p_spans jsonb, p_origin text)
RETURNS TABLE (ordinal integer, seq integer)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  v_last integer;
BEGIN
  SELECT m.last_seq INTO v_last FROM roomscribe.meeting m WHERE m.id = p_meeting AND m.epoch = p_epoch FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'claim lost' USING ERRCODE = 'RS001';
  END IF;
  INSERT INTO roomscribe.span (meeting_id, session_id, channel, from_frame, to_frame, track_key, identity, meeting_ms)
    SELECT p_meeting, s."sessionId", s.channel, s."fromFrame", s."toFrame", s."trackKey", s.identity, s."meetingMs"
    FROM jsonb_to_recordset(p_spans) AS s("sessionId" text, channel integer, "fromFrame" bigint, "toFrame" bigint, "trackKey" text,
      identity text, "meetingMs" double precision)
    ON CONFLICT (meeting_id, session_id, channel, from_frame) DO UPDATE SET to_frame = greatest(span.to_frame, excluded.to_frame);
  RETURN QUERY
    WITH given AS (
      SELECT (e.ord - 1)::integer AS ordinal, r.*
      FROM jsonb_array_elements(p_rows) WITH ORDINALITY AS e(item, ord),
        jsonb_to_record(e.item) AS r(id text, session_id text, utterance_id text, part integer, identity text, start_ms double precision,
          end_ms double precision, text text, words jsonb, language text, confidence double precision, channel integer)
    ), fresh AS (
      SELECT g.*, (v_last + row_number() OVER (ORDER BY g.ordinal))::integer AS seq
      FROM given g
      WHERE NOT EXISTS (
        SELECT 1 FROM roomscribe.segment s
        WHERE s.meeting_id = p_meeting AND s.session_id = g.session_id AND s.utterance_id = g.utterance_id AND s.part = g.part)
    ), written AS (
      INSERT INTO roomscribe.segment (meeting_id, seq, id, session_id, utterance_id, part, identity, start_ms, end_ms, text, words,
        language, confidence, channel)
      SELECT p_meeting, f.seq, f.id, f.session_id, f.utterance_id, f.part, f.identity, f.start_ms, f.end_ms, f.text, f.words,
        f.language, f.confidence, f.channel
      FROM fresh f
    ), counted AS (
      UPDATE roomscribe.meeting m SET last_seq = v_last + (SELECT count(*) FROM fresh)
      WHERE m.id = p_meeting AND EXISTS (SELECT 1 FROM fresh)
    )
    SELECT f.ordinal, f.seq FROM fresh f ORDER BY f.seq;
  IF FOUND THEN
    PERFORM roomscribe.tell(p_meeting, 'segment', v_last + 1, p_origin);
  END IF;
END $$;
`
