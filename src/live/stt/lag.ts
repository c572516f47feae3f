import type { SttPort, SttSession } from './port.js'

/** A speech service of which it is known how far behind it is. */
export interface WatchedStt {
  readonly stt: SttPort
  /** audio that an open session was given and the service has not acknowledged, of the session that is furthest behind, ms */
  lagMs(): number
}

/** Watches the sessions that are opened by way of it. What processes that are gone have left is none of its business. */
export function watchLag(stt: SttPort): WatchedStt {
  const open = new Map<SttSession, number>()
  const watched: SttPort = {
    open: (options, events) => {
      let session: SttSession | null = null
      let isOver = false
      session = stt.open(options, {
        utterance: (utterance) => events.utterance(utterance),
        acknowledged: (frames) => events.acknowledged(frames),
        gap: (gap) => events.gap(gap),
        pending: (run) => events.pending?.(run),
        phase: (phase, detail) => events.phase(phase, detail),
        ended: (reason, replaceable, error) => {
          isOver = true
          if (session) open.delete(session)
          events.ended(reason, replaceable, error)
        },
      })
      if (!isOver) open.set(session, 1000 / options.sampleRate)
      return session
    },
    ...(stt.onPreferred && { onPreferred: (listener: () => void) => stt.onPreferred?.(listener) ?? (() => undefined) }),
  }
  const lagMs = () =>
    Math.max(0, ...[...open].map(([{ sentFrames, acknowledgedFrames }, frameMs]) => (sentFrames - acknowledgedFrames) * frameMs))
  return { stt: watched, lagMs }
}
