/**
 * Keys of the API (SHA-256 only), the log of writes, answers that are given again, secrets of ours; a meeting may be paused, and may be
 * deleted: nobody sees it from then on, and it is purged when its bot has let go.
 */
export const CONTROL_SCHEMA = `
CREATE TABLE roomscribe.api_key (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  hash text NOT NULL UNIQUE,
  scopes jsonb NOT NULL,
  rooms jsonb,
  created_at timestamptz NOT NULL,
  last_used_at timestamptz,
  revoked_at timestamptz
);

CREATE TABLE roomscribe.audit (
  n bigserial PRIMARY KEY,
  at timestamptz NOT NULL,
  key_id text NOT NULL,
  key_name text NOT NULL,
  method text NOT NULL,
  path text NOT NULL,
  status integer NOT NULL,
  meeting_id text
);
CREATE INDEX audit_at ON roomscribe.audit (at);

CREATE TABLE roomscribe.idempotency (
  key_id text NOT NULL,
  idempotency_key text NOT NULL,
  request_hash text NOT NULL,
  at timestamptz NOT NULL,
  status integer,
  content_type text,
  body text,
  PRIMARY KEY (key_id, idempotency_key)
);
CREATE INDEX idempotency_at ON roomscribe.idempotency (at);

CREATE TABLE roomscribe.secret (
  name text PRIMARY KEY,
  value text NOT NULL
);

ALTER TABLE roomscribe.meeting ADD COLUMN paused boolean NOT NULL DEFAULT false;
ALTER TABLE roomscribe.meeting ADD COLUMN deleted_at timestamptz;
CREATE INDEX meeting_deleted ON roomscribe.meeting (deleted_at) WHERE deleted_at IS NOT NULL;
`
