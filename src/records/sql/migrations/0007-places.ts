/**
 * How many meetings may run at once, over all processes. Takes are counted one after the other: a function's statements see what was
 * committed before they began, so whoever has waited for the lock counts whoever had it before.
 */
export const PLACES_SCHEMA = `
CREATE FUNCTION roomscribe.has_place(p_id uuid, p_places integer) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(7066617302);
  RETURN (
    SELECT count(*) FROM roomscribe.meeting WHERE epoch > 0 AND id <> p_id
      AND state NOT IN ('scheduled', 'finalising', 'done', 'failed', 'cancelled', 'missed')
  ) < p_places;
END $$;
`
