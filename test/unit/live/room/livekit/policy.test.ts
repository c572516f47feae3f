import { DisconnectReason, ParticipantKind, TrackSource } from '@livekit/rtc-node'
import { describe, expect, test } from 'vitest'
import { endReason, heardSource, isCertainDeparture, isHeardKind } from '../../../../../src/live/room/livekit/policy.js'

/** Names of a generated numeric enumeration. */
const names = (of: object) => Object.keys(of).filter((name) => Number.isNaN(Number(name)))

describe('policy', () => {
  test('people are heard, agents and recorders are not; every kind of the library is decided', () => {
    const heard = names(ParticipantKind).filter((name) => isHeardKind(name))
    expect(heard.toSorted()).toEqual(['CONNECTOR', 'INGRESS', 'SIP', 'STANDARD'])
    expect(isHeardKind(undefined)).toBe(false)
  })

  test('a source that is not known counts as a microphone, screen sound only when asked for', () => {
    const decided = (screen: boolean) => Object.fromEntries(names(TrackSource).map((name) => [name, heardSource(name, screen)]))
    const never = { SOURCE_CAMERA: null, SOURCE_SCREENSHARE: null }
    const always = { SOURCE_UNKNOWN: 'microphone', SOURCE_MICROPHONE: 'microphone' }
    expect(decided(false)).toEqual({ ...never, ...always, SOURCE_SCREENSHARE_AUDIO: null })
    expect(decided(true)).toEqual({ ...never, ...always, SOURCE_SCREENSHARE_AUDIO: 'screenshare' })
    expect(heardSource(undefined, false)).toBe('microphone')
  })

  test('every disconnect reason of the library has an end; what is not final is a lost connection', () => {
    const ends = Object.fromEntries(names(DisconnectReason).map((name) => [name, endReason(name)]))
    expect(ends).toEqual({
      UNKNOWN_REASON: 'connection_lost',
      CLIENT_INITIATED: 'left',
      DUPLICATE_IDENTITY: 'duplicate_identity',
      SERVER_SHUTDOWN: 'connection_lost',
      PARTICIPANT_REMOVED: 'removed',
      ROOM_DELETED: 'room_closed',
      STATE_MISMATCH: 'connection_lost',
      JOIN_FAILURE: 'connection_lost',
      MIGRATION: 'connection_lost',
      SIGNAL_CLOSE: 'connection_lost',
      ROOM_CLOSED: 'room_closed',
      USER_UNAVAILABLE: 'connection_lost',
      USER_REJECTED: 'connection_lost',
      SIP_TRUNK_FAILURE: 'connection_lost',
      CONNECTION_TIMEOUT: 'connection_lost',
      MEDIA_FAILURE: 'connection_lost',
      AGENT_ERROR: 'connection_lost',
    })
    expect(endReason(undefined)).toBe('connection_lost')
  })

  test('a departure with a reason is certain; without one, by a double or by migration it is not', () => {
    const uncertain = names(DisconnectReason).filter((name) => !isCertainDeparture(name))
    expect(uncertain.toSorted()).toEqual(['DUPLICATE_IDENTITY', 'MIGRATION', 'UNKNOWN_REASON'])
    expect(isCertainDeparture(undefined)).toBe(false)
  })
})
