import type { AudioSourceKind } from '../../../core/ids.js'
import type { RoomEndReason } from '../port.js'

/**
 * Names of LiveKit's participant kinds. Compared by name: the numbers of the client library and of the server
 * protocol differ (CONNECTOR is 5 in one and 7 in the other).
 */
const HEARD_KINDS: ReadonlySet<string> = new Set(['STANDARD', 'SIP', 'INGRESS', 'CONNECTOR'])

/** Whether a participant of this kind is reported and heard: people do, agents and recorders do not. */
export function isHeardKind(kindName: string | undefined): boolean {
  return kindName !== undefined && HEARD_KINDS.has(kindName)
}

/**
 * What a track's source counts as, or null when it is not heard. A track published without a source is a
 * microphone: that is what simple publishers send.
 */
export function heardSource(sourceName: string | undefined, screenShareAudio: boolean): AudioSourceKind | null {
  switch (sourceName) {
    case undefined:
    case 'SOURCE_UNKNOWN':
    case 'SOURCE_MICROPHONE':
      return 'microphone'
    case 'SOURCE_SCREENSHARE_AUDIO':
      return screenShareAudio ? 'screenshare' : null
    default:
      return null
  }
}

const END_REASONS: Readonly<Record<string, RoomEndReason>> = {
  CLIENT_INITIATED: 'left',
  DUPLICATE_IDENTITY: 'duplicate_identity',
  PARTICIPANT_REMOVED: 'removed',
  ROOM_DELETED: 'room_closed',
  ROOM_CLOSED: 'room_closed',
}

/** Why the connection ended, by the name of LiveKit's disconnect reason; whatever is not final is a lost connection. */
export function endReason(reasonName: string | undefined): RoomEndReason {
  return (reasonName === undefined ? undefined : END_REASONS[reasonName]) ?? 'connection_lost'
}

const UNCERTAIN_DEPARTURES: ReadonlySet<string> = new Set(['UNKNOWN_REASON', 'DUPLICATE_IDENTITY', 'MIGRATION'])

/**
 * Whether a participant's disconnect is certainly a departure. The teardown of a full reconnect and a rejoin with the
 * same identity come without a reason: those are held back.
 */
export function isCertainDeparture(reasonName: string | undefined): boolean {
  return reasonName !== undefined && !UNCERTAIN_DEPARTURES.has(reasonName)
}
