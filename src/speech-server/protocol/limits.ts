/** Bounds of the speech server; README.md states what happens at each. */

/** samples per second that engines are given */
export const ENGINE_RATE = 16_000
/** a WebSocket frame above this is refused with close 1009 */
export const MAX_FRAME_BYTES = 1024 * 1024
/** oversize frames in a row after which the handshake answers 403 */
export const MAX_OVERSIZE_FRAMES = 3
/** body of a POST or PUT; more is 413 */
export const MAX_BODY_BYTES = 1024 * 1024
/** body of a PATCH; more is 413 */
export const MAX_PATCH_BYTES = 100_000
/** of a body that is too long, what is read before the connection is cut */
export const MAX_DISCARDED_BYTES = 16 * 1024 * 1024
/** audio that waits for its acknowledgement; beyond it the oldest goes to the engine unacknowledged */
export const MAX_UNACKED_BYTES = 16 * 1024 * 1024
/** what a client may leave unread; beyond it its socket is terminated */
export const MAX_OUTBOUND_BYTES = 16 * 1024 * 1024
/** recorded audio of one session; the file ends there */
export const MAX_RECORDING_BYTES = 32 * 1024 * 1024
/** recorded audio of all sessions; the oldest ended session's file goes first, then running ones stop recording */
export const MAX_RECORDINGS_BYTES = 256 * 1024 * 1024
/** ended sessions that can be asked for; the oldest goes first */
export const MAX_ENDED_SESSIONS = 200
/** how long an ended session can be asked for */
export const ENDED_SESSION_MS = 60 * 60 * 1000
/** messages of all ended sessions; the oldest session goes first */
export const MAX_ENDED_CHARS = 64 * 1024 * 1024
/** finals and real-time messages kept of one session for its result; the oldest message goes first, finals beyond it are not kept */
export const MAX_FINALS = 50_000
export const MAX_MESSAGES_CHARS = 8 * 1024 * 1024
/** messages kept for a socket to come (switch `detachedMessages: replayed`); the oldest goes first */
export const MAX_REPLAYED = 1000
/** how long an engine may take to finish a session; then the session ends in error */
export const FINISH_MS = 120_000
