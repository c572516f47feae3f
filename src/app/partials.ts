import type { Identity, MeetingId } from '../core/ids.js'
import type { MeetingObserver } from '../live/bot/bot.js'
import { utteranceKey, type LivePartial, type PartialFeed } from '../records/partials.js'
import type { Segment } from '../live/transcript/segment.js'

/** Interim segments as watchers see them: one partial an utterance, in the name of whoever began it. */
export function livePartials(segments: readonly Segment[], nameOf: (identity: Identity) => string): readonly LivePartial[] {
  const found = new Map<string, LivePartial>()
  for (const segment of segments) {
    const id = utteranceKey(segment)
    const before = found.get(id)
    if (before) found.set(id, { ...before, endMs: segment.endMs, text: `${before.text} ${segment.text}` })
    else {
      const { identity, startMs, endMs, text } = segment
      found.set(id, { id, identity, name: identity === null ? null : nameOf(identity), startMs, endMs, text })
    }
  }
  return [...found.values()]
}

/** The observer, and whoever watches the meeting from outside: they are told what is being said, and who speaks. */
export function tellingPartials(
  observer: MeetingObserver,
  id: MeetingId,
  partials: Pick<PartialFeed, 'publish' | 'publishActivity'>,
): MeetingObserver {
  return {
    ...observer,
    interim: (segments, nameOf) => {
      observer.interim?.(segments, nameOf)
      partials.publish(id, livePartials(segments, nameOf))
    },
    activity: (activity) => {
      observer.activity?.(activity)
      partials.publishActivity(id, activity)
    },
  }
}
