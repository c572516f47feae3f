import { createAudioAnalyser, createLocalAudioTrack, Room, RoomEvent, Track, type LocalAudioTrack, type LocalTrack } from 'livekit-client'
import { clock } from '../app/time.js'

/** How it goes in the room. */
export type CallState = 'joined' | 'reconnecting' | 'left'

/** This browser's place in a room. */
export interface Call {
  setMuted(isMuted: boolean): Promise<void>
  leave(): Promise<void>
}

/** What is told while it lasts. */
export interface CallEvents {
  onState(state: CallState): void
  /** loudness of the microphone, 0 to 1, ten times a second */
  onLevel(level: number): void
}

const LEVEL_MS = 100

/** The microphone. @throws Error one sentence that says what to do */
async function microphone(): Promise<LocalAudioTrack> {
  if (navigator.mediaDevices === undefined) {
    throw new Error(
      'This browser gives the microphone to pages of https addresses and of this machine only: open the page by one of those.',
    )
  }
  try {
    return await createLocalAudioTrack({ echoCancellation: true, noiseSuppression: true, autoGainControl: true })
  } catch (thrown) {
    const name = thrown instanceof Error ? thrown.name : ''
    if (name === 'NotAllowedError')
      throw new Error('The microphone was not allowed: allow it in the address bar and try again.', { cause: thrown })
    if (name === 'NotFoundError') throw new Error('No microphone was found: connect one and try again.', { cause: thrown })
    throw new Error('The microphone cannot be opened: another program may hold it.', { cause: thrown })
  }
}

/** Joins a room with the microphone, and lets the others be heard. @throws Error one sentence */
export async function joinRoom(url: string, token: string, events: CallEvents): Promise<Call> {
  const track = await microphone()
  const room = new Room()
  const players = new Map<string, HTMLMediaElement>()
  room.on(RoomEvent.TrackSubscribed, (remote, publication) => {
    if (remote.kind !== Track.Kind.Audio) return
    const player = remote.attach()
    players.set(publication.trackSid, player)
    document.body.append(player)
  })
  room.on(RoomEvent.TrackUnsubscribed, (remote, publication) => {
    remote.detach()
    players.get(publication.trackSid)?.remove()
    players.delete(publication.trackSid)
  })
  room.on(RoomEvent.Reconnecting, () => events.onState('reconnecting'))
  room.on(RoomEvent.Reconnected, () => events.onState('joined'))
  const analyser = createAudioAnalyser(track, { fftSize: 256 })
  const stopLevel = clock.every(LEVEL_MS, () => events.onLevel(track.isMuted ? 0 : Math.min(1, analyser.calculateVolume() * 2)))
  const end = () => {
    stopLevel()
    void analyser.cleanup()
    track.stop()
    for (const player of players.values()) player.remove()
    players.clear()
  }
  room.once(RoomEvent.Disconnected, () => {
    end()
    events.onState('left')
  })
  try {
    await room.connect(url, token, { autoSubscribe: true })
    await room.localParticipant.publishTrack(track as LocalTrack)
  } catch (thrown) {
    end()
    await room.disconnect().catch(() => undefined)
    throw new Error('The room cannot be reached from this browser: is its LiveKit server there, and does nothing stand between?', {
      cause: thrown,
    })
  }
  events.onState('joined')
  return {
    setMuted: async (isMuted) => {
      await (isMuted ? track.mute() : track.unmute())
    },
    leave: () => room.disconnect(),
  }
}
