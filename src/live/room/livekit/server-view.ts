import { TrackSource } from '@livekit/rtc-node'
import { asIdentity } from '../../../core/ids.js'
import type { ListedParticipant } from './census.js'
import type { ServerView } from './event-watch.js'
import { heardSource } from './policy.js'

/**
 * What of a server's list the events of a room tell to a bot: open tracks of those who are heard.
 * @returns null when the bot itself is not listed: it is another room, or none
 */
export function serverView(
  listed: readonly ListedParticipant[],
  { botIdentity, screenShareAudio }: { readonly botIdentity: string; readonly screenShareAudio: boolean },
): ServerView | null {
  if (!listed.some(({ identity }) => identity === botIdentity)) return null
  const told = listed.filter(({ identity, isHeard, isActive, isHidden }) => isHeard && isActive && !isHidden && identity !== botIdentity)
  return {
    people: new Set(listed.map(({ identity }) => asIdentity(identity))),
    open: told.flatMap(({ identity, name, tracks }) =>
      tracks.flatMap(({ sid, isAudio, source, isMuted }) => {
        const heard = isAudio && !isMuted ? heardSource(TrackSource[source], screenShareAudio) : null
        return heard ? [{ sid, identity: asIdentity(identity), name, source: heard }] : []
      }),
    ),
  }
}
