/**
 * Which claims' bots have been in the room and have written down what nobody heard before them, and of each claim the last sign of life, when it
 * was taken, of the last such bot: whoever died before that heard nobody. Claims from before these columns count as such.
 */
export const ENTERED_SCHEMA = `
ALTER TABLE roomscribe.claim ADD COLUMN entered boolean NOT NULL DEFAULT true, ADD COLUMN heard_at timestamptz;
ALTER TABLE roomscribe.claim ALTER COLUMN entered SET DEFAULT false;
`
