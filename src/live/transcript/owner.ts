import type { Identity, SessionId } from '../../core/ids.js'
import type { Span } from '../audio/span.js'
import { FRAMES_PER_MS, distanceOf, type SpanIndex } from './span-index.js'

/**
 * How far outside of a person's spans what they said may be reported: engines begin an utterance up to 0.3 s before the voice and
 * end it as late. As much at the beginning of a lease is its pre-roll, without speech, or the 0.25 s that are left of it after a wait, and
 * no word is so short as the rest.
 */
export const PADDING_FRAMES = 300 * FRAMES_PER_MS
/** Silence at the end of a lease, at least; a mute ends it in mid-word, but no word is so short. */
const TAIL_FRAMES = 100 * FRAMES_PER_MS

/** Frames [from, to) of one channel. */
export interface Stretch {
  readonly sessionId: SessionId
  readonly channel: number
  readonly fromFrame: number
  readonly toFrame: number
}

/** Whose frames a stretch is, and the spans that say so, in order; empty when nobody's. */
export interface Owner {
  readonly identity: Identity | null
  readonly spans: readonly Span[]
}

const NOBODY: Owner = { identity: null, spans: [] }

/** The person whose spans the stretch shares most frames with, the earlier of two that share as many; nobody's when it meets no span. */
export function ownerByFrames(stretch: Stretch, index: SpanIndex): Owner {
  const { spans, stays } = shared(stretch, index)
  const shares = new Map<Identity, number>()
  for (const { identity, frames } of stays) shares.set(identity, (shares.get(identity) ?? 0) + frames)
  let best: Identity | null = null
  for (const [identity, frames] of shares) if (best === null || frames > (shares.get(best) ?? 0)) best = identity
  return owner(best, spans)
}

/**
 * The person whose span lies nearest to a stretch that meets none, within the padding; nobody's when two are equally near.
 * @param among when given, nobody else comes into question
 */
export function ownerByNearness(stretch: Stretch, index: SpanIndex, among: ReadonlySet<Identity> | null): Owner {
  const { sessionId, channel, fromFrame, toFrame } = stretch
  let best: Span | null = null
  let bestFrames = Number.POSITIVE_INFINITY
  let isTied = false
  // a span that ends or begins exactly so far away is near enough
  for (const span of index.overlapping(sessionId, channel, fromFrame - PADDING_FRAMES - 1, toFrame + PADDING_FRAMES + 1)) {
    const frames = distanceOf(span, fromFrame, toFrame)
    if (frames > bestFrames || (among && !among.has(span.identity))) continue
    isTied = frames === bestFrames && best !== null && (isTied || best.identity !== span.identity)
    best = span
    bestFrames = frames
  }
  return best === null || isTied ? NOBODY : { identity: best.identity, spans: [best] }
}

/**
 * The only person whose speech may be in a stretch in which something was said at a time not known better: nobody else shares more
 * with it than the pre-roll before their speech or the silence after it. Nobody's when two may have said it.
 */
export function onlyOwner(stretch: Stretch, index: SpanIndex): Owner {
  const { spans, stays } = shared(stretch, index)
  if (stays.length === 0) return ownerByNearness(stretch, index, null)
  const speakers = stays.filter(({ frames, goesOn }) => frames > (goesOn ? PADDING_FRAMES : TAIL_FRAMES))
  const candidates = new Set((speakers.length === 0 ? stays : speakers).map(({ identity }) => identity))
  const [only = null] = candidates
  return owner(candidates.size === 1 ? only : null, spans)
}

/** The only person who has held the channel, by their last span; nobody's when two have. */
export function soleOwner({ sessionId, channel }: Pick<Stretch, 'sessionId' | 'channel'>, index: SpanIndex): Owner {
  const spans = index.channel(sessionId, channel)
  const last = spans.at(-1)
  return last && spans.every(({ identity }) => identity === last.identity) ? { identity: last.identity, spans: [last] } : NOBODY
}

interface Stay {
  readonly identity: Identity
  frames: number
  /** until the end of the stretch, so that it may be the beginning of the person's stay */
  goesOn: boolean
}

/** The spans that share frames with the stretch, and each unbroken stay of a person in it; of no length: the frame it lies on. */
function shared(stretch: Stretch, index: SpanIndex): { spans: readonly Span[]; stays: readonly Stay[] } {
  const { sessionId, channel, fromFrame } = stretch
  const toFrame = Math.max(stretch.toFrame, fromFrame + 1)
  const spans = index.overlapping(sessionId, channel, fromFrame, toFrame)
  const stays: Stay[] = []
  for (const [at, span] of spans.entries()) {
    const frames = Math.min(toFrame, span.toFrame) - Math.max(fromFrame, span.fromFrame)
    const goesOn = span.toFrame >= toFrame
    const stay = stays.at(-1)
    if (stay?.identity === span.identity && spans[at - 1]?.toFrame === span.fromFrame) {
      stay.frames += frames
      stay.goesOn = goesOn
    } else stays.push({ identity: span.identity, frames, goesOn })
  }
  return { spans, stays }
}

function owner(identity: Identity | null, spans: readonly Span[]): Owner {
  return identity === null ? NOBODY : { identity, spans: spans.filter((span) => span.identity === identity) }
}
