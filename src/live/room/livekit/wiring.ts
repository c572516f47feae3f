import {
  DisconnectReason,
  type Participant,
  ParticipantKind,
  RemoteAudioTrack,
  type RemoteParticipant,
  RemoteTrackPublication,
  type Room,
  RoomEvent,
  TrackKind,
  type TrackPublication,
  TrackSource,
} from '@livekit/rtc-node'
import { asIdentity } from '../../../core/ids.js'
import type { LivekitConnection } from './connection.js'
import { endReason, heardSource, isCertainDeparture, isHeardKind } from './policy.js'
import { asRoomParticipant } from './roster.js'

/** How library events become events of the connection. */
export interface WiringOptions {
  readonly screenShareAudio: boolean
}

/** Registers all handlers; call before `connect`. Returns a function that takes in who is there after `connect`. */
export function wireRoom(room: Room, connection: LivekitConnection, options: WiringOptions): () => void {
  const isHeard = (participant: Participant | undefined): participant is Participant =>
    participant !== undefined && participant.identity !== room.localParticipant?.identity && isHeardKind(ParticipantKind[participant.kind])

  const present = (participant: Participant) =>
    connection.people({
      kind: 'joined',
      participant: asRoomParticipant(asIdentity(participant.identity), participant.name),
    })

  const published = (publication: TrackPublication, participant: Participant): boolean => {
    const { sid, kind, source, muted } = publication
    if (sid === undefined || kind !== TrackKind.KIND_AUDIO || !(publication instanceof RemoteTrackPublication)) return false
    const heard = heardSource(source === undefined ? undefined : TrackSource[source], options.screenShareAudio)
    if (!heard) return false
    const identity = asIdentity(participant.identity)
    connection.addMedia(identity, publication)
    connection.tracks({ kind: 'published', sid, identity, source: heard, muted: muted ?? false })
    return true
  }

  const arrived = (participant: Participant) => {
    if (!isHeard(participant)) return
    present(participant)
    for (const publication of participant.trackPublications.values()) published(publication, participant)
  }

  const ofPublication = (kind: 'muted' | 'unmuted' | 'unsubscribed' | 'unpublished', publication: TrackPublication) => {
    if (publication.sid !== undefined) connection.tracks({ kind, sid: publication.sid })
  }

  room.on(RoomEvent.ParticipantConnected, (participant) => connection.guard(() => arrived(participant)))
  room.on(RoomEvent.ParticipantDisconnected, (participant: RemoteParticipant) =>
    connection.guard(() => {
      const { disconnectReason: reason } = participant
      const name = reason === undefined ? undefined : DisconnectReason[reason]
      connection.left({ identity: asIdentity(participant.identity) }, isCertainDeparture(name))
    }),
  )
  room.on(RoomEvent.ParticipantNameChanged, (name, participant) =>
    connection.guard(() => {
      const identity = asIdentity(participant.identity)
      connection.people({ kind: 'renamed', participant: asRoomParticipant(identity, name) })
    }),
  )
  room.on(RoomEvent.TrackPublished, (publication, participant) =>
    connection.guard(() => {
      if (!isHeard(participant)) return
      present(participant)
      published(publication, participant)
    }),
  )
  room.on(RoomEvent.TrackSubscribed, (track, publication, participant) =>
    connection.guard(() => {
      if (!isHeard(participant) || !(track instanceof RemoteAudioTrack) || publication.sid === undefined) return
      if (!published(publication, participant)) return
      connection.setMediaTrack(publication.sid, track)
      connection.tracks({ kind: 'subscribed', sid: publication.sid })
    }),
  )
  room.on(RoomEvent.TrackUnsubscribed, (_track, publication) =>
    connection.guard(() => {
      ofPublication('unsubscribed', publication)
      if (publication.sid !== undefined) connection.setMediaTrack(publication.sid, undefined)
    }),
  )
  room.on(RoomEvent.TrackUnpublished, (publication) =>
    connection.guard(() => {
      ofPublication('unpublished', publication)
      if (publication.sid !== undefined) connection.dropMedia(publication.sid)
    }),
  )
  room.on(RoomEvent.TrackMuted, (publication) => connection.guard(() => ofPublication('muted', publication)))
  room.on(RoomEvent.TrackUnmuted, (publication) => connection.guard(() => ofPublication('unmuted', publication)))
  room.on(RoomEvent.Reconnecting, () => connection.guard(() => connection.reconnecting()))
  room.on(RoomEvent.Reconnected, () => connection.guard(() => connection.reconnected()))
  room.on(RoomEvent.Disconnected, (reason) => connection.guard(() => connection.end(endReason(DisconnectReason[reason]))))

  return () =>
    connection.guard(() => {
      for (const participant of room.remoteParticipants.values()) arrived(participant)
    })
}
