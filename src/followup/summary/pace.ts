/**
 * Lets everything else of the process run: a summary of a long meeting is seconds of work on the thread that
 * also carries live audio, so it is done in pieces of a few milliseconds.
 */
export const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** How many sentences are worked on between two breaths. */
export const PIECE = 50
