import { DEFAULT_LIMITS } from '../live/stt/gladia/limits.js'

/** Fastest multiple of real time at which a recording is played: that at which audio which waited in an outage is sent. */
export const MAX_SPEED = DEFAULT_LIMITS.replaySpeed

/** The multiple of real time that is known to be right: our own recogniser keeps up; Gladia does not say how fast it may be sent to. */
export const defaultSpeed = (isOwnRecogniser: boolean): number => (isOwnRecogniser ? MAX_SPEED : 1)
