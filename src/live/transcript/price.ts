import type { SessionId } from '../../core/ids.js'
import type { Billing, CoverageTotal } from './segment.js'

/** What is billed of a session: `sentFrames` samples a channel. */
export interface MeteredSession {
  readonly sessionId: SessionId
  /** the service's own id; null: it never knew of the session, and bills nothing */
  readonly vendorId: string | null
  readonly channels: number
  readonly sampleRate: number
  readonly sentFrames: number
}

/**
 * The price of a meeting beside that of a channel for each person. Every session counts, also one that only sent again what a dead one
 * had not got through: it is billed too. Audio that was accepted but never reached the service counts as well, so it is at most this much, but
 * for the audio of probes, which a service that does not say how far it came is sent twice: up to ten pieces of 10 to 20 ms for each connection after
 * the first, all channels, are billed and not counted here (stt/gladia/uplink.ts, U4).
 */
export function billingOf(sessions: readonly MeteredSession[], total: Pick<CoverageTotal, 'speechMs' | 'presentMs'>): Billing {
  const metered = sessions
    .filter(({ vendorId, sentFrames }) => vendorId !== null && sentFrames > 0)
    .map(({ sessionId, channels, sampleRate, sentFrames }) => {
      const ms = Math.round((sentFrames * 1000) / sampleRate)
      return { session: sessionId, channels, ms, channelMs: ms * channels }
    })
  // summed in whole ms: the sum over the sessions is exact
  const channelMs = metered.reduce((sum, one) => sum + one.channelMs, 0)
  return {
    channelSec: channelMs / 1000,
    speechSec: total.speechMs / 1000,
    channelEachSec: total.presentMs / 1000,
    perSpeechSec: ratio(channelMs, total.speechMs),
    ofChannelEach: ratio(channelMs, total.presentMs),
    sessions: metered.map(({ session, channels, ms, channelMs: product }) => ({
      session,
      channels,
      sec: ms / 1000,
      channelSec: product / 1000,
    })),
  }
}

const ratio = (a: number, b: number): number | null => (b === 0 ? null : Math.round((a / b) * 1000) / 1000)
