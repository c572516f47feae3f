import { AudioStream, dispose, Room, RoomEvent, type RemoteParticipant, type RemoteTrack } from '@livekit/rtc-node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { deferred } from '../../../src/core/deferred.js'
import { systemClock } from '../../../src/core/time.js'
import { MarkDecoder } from '../../../src/speech-server/engine/marks/decoder.js'
import type { PlayEvent } from '../../../src/standins/actors/play-event.js'
import { playVerdict } from '../../../src/standins/actors/play-event.js'
import { silenceRtcLogs } from '../../../src/standins/actors/quiet.js'
import { expectedMarks, type Script } from '../../../src/standins/actors/script.js'
import { spawnActors } from '../../../src/standins/actors/spawn.js'
import { Speech } from '../../../src/standins/actors/speech.js'
import type { LivekitServer } from '../../../src/standins/livekit/server.js'
import { startTestLivekit, testToken } from '../../support/livekit.js'

/** A bare client that hears everybody, one stream and one decoder a track. */
class Listener {
  readonly room = new Room()
  readonly heard: { readonly identity: string; readonly who: number; readonly n: number; readonly ms: number }[] = []
  readonly frames: { readonly identity: string; readonly ms: number; readonly peak: number }[] = []
  readonly events: { readonly kind: string; readonly identity: string; readonly detail: string; readonly ms: number }[] = []
  readonly #streams: Promise<void>[] = []
  #hearing = new Set<string>()
  #waiting: { readonly count: number; readonly resolve: () => void } | undefined

  async join(server: LivekitServer, room: string): Promise<void> {
    silenceRtcLogs()
    const note = (kind: string, who: { identity: string }, detail = '') =>
      this.events.push({ kind, identity: who.identity, detail, ms: systemClock.monotonicMs() })
    this.room
      .on(RoomEvent.TrackSubscribed, (track, _publication, who) => this.#streams.push(this.#hear(track, who)))
      .on(RoomEvent.TrackMuted, (_publication, who) => note('muted', who))
      .on(RoomEvent.TrackUnmuted, (_publication, who) => note('unmuted', who))
      .on(RoomEvent.ParticipantNameChanged, (name, who) => note('renamed', who, name))
      .on(RoomEvent.TrackPublished, (publication, who) => note('published', who, publication.sid))
      .on(RoomEvent.ParticipantConnected, (who) => note('joined', who, who.sid))
    await this.room.connect(server.url, await testToken(server, { room, identity: 'listener' }), { autoSubscribe: true, dynacast: false })
  }

  /** Resolves when sound of that many people arrives. */
  hearing(count: number): Promise<void> {
    const { promise, resolve } = deferred()
    this.#waiting = { count, resolve }
    this.#check()
    return promise
  }

  async close(): Promise<void> {
    await this.room.disconnect()
    await Promise.all(this.#streams)
  }

  async #hear(track: RemoteTrack, { identity }: RemoteParticipant): Promise<void> {
    const decoder = new MarkDecoder()
    for await (const { data } of new AudioStream(track, { sampleRate: 16_000, numChannels: 1, frameSizeMs: 50 })) {
      const ms = systemClock.monotonicMs()
      this.#hearing.add(identity)
      this.#check()
      this.frames.push({ identity, ms, peak: data.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0) })
      for (const { who, n } of decoder.push(data)) this.heard.push({ identity, who, n, ms })
    }
    for (const { who, n } of decoder.flush()) this.heard.push({ identity, who, n, ms: systemClock.monotonicMs() })
  }

  #check(): void {
    if (this.#waiting && this.#hearing.size >= this.#waiting.count) this.#waiting.resolve()
  }
}

let server: LivekitServer
beforeAll(async () => {
  server = await startTestLivekit()
})
afterAll(async () => {
  await server.stop()
  await dispose()
})

const keys = () => ({ url: server.url, apiKey: server.apiKey, apiSecret: server.apiSecret })
const cast = [
  { identity: 'anna', name: 'Anna', who: 3, voice: 'rms' as const },
  { identity: 'ben', name: 'Ben', who: 7, voice: 'awb' as const },
  { identity: 'carla', name: 'Carla', who: 11, voice: 'slt' as const },
]
const script: Script = {
  cast,
  steps: [
    { atMs: 400, actor: 'anna', do: 'marks', slots: 10 },
    { atMs: 400, actor: 'ben', do: 'marks', slots: 30 },
    { atMs: 1_000, actor: 'carla', do: 'join' },
    { atMs: 2_000, actor: 'ben', do: 'mute' },
    { atMs: 3_400, actor: 'anna', do: 'leave' },
    { atMs: 4_000, actor: 'ben', do: 'unmute' },
    { atMs: 4_000, actor: 'carla', do: 'marks', slots: 5 },
    { atMs: 4_200, actor: 'anna', do: 'rejoin' },
    { atMs: 5_600, actor: 'anna', do: 'marks', slots: 5 },
    { atMs: 6_800, actor: 'ben', do: 'rename', name: 'Benjamin' },
    { atMs: 7_200, actor: 'anna', do: 'republish' },
    { atMs: 8_600, actor: 'anna', do: 'marks', slots: 5 },
  ],
}

/** Plays the script once before a listener. */
async function playOnce(room: string) {
  const said: PlayEvent[] = []
  const listener = new Listener()
  await using actors = spawnActors({
    order: { ...keys(), room, sampleRate: 48_000, isHeld: true, script },
    onEvent: (event) => said.push(event),
    clock: systemClock,
  })
  await actors.ready
  await listener.join(server, room)
  await listener.hearing(2)
  actors.go()
  const health = await actors.ended
  await listener.close()
  return { said, listener, health }
}

test('marks spoken by a script arrive under the right name, each once, whatever people do', async () => {
  let run = await playOnce('script-1')
  // a run whose speakers were late says nothing: repeat it once
  if (playVerdict(run.health) === 'invalid') run = await playOnce('script-2')
  const { said, listener, health } = run
  expect(playVerdict(health), JSON.stringify(health)).not.toBe('invalid')

  const spoken = said.filter((event) => event.kind === 'mark').filter(({ isHeard }) => isHeard)
  const wanted = expectedMarks(script).filter(({ isHeard }) => isHeard)
  expect(spoken.map(({ who, n }) => `${who}:${n}`)).toEqual(wanted.map(({ who, n }) => `${who}:${n}`))
  const byWho = new Map(cast.map(({ who, identity }) => [who, identity]))
  const name = ({ who, n }: { who: number; n: number }) => `${byWho.get(who) ?? '?'} ${who}:${n}`
  expect(listener.heard.map((mark) => `${mark.identity} ${mark.who}:${mark.n}`).sort()).toEqual(wanted.map(name).sort())

  const eventsOf = (identity: string, kind: string) => listener.events.filter((event) => event.identity === identity && event.kind === kind)
  expect(eventsOf('ben', 'renamed').map(({ detail }) => detail)).toEqual(['Benjamin'])
  // rejoin and republish: a new participant, and two new tracks
  expect(eventsOf('anna', 'joined')).toHaveLength(1)
  expect(new Set(eventsOf('anna', 'published').map(({ detail }) => detail)).size).toBe(2)

  // what is spoken while muted is exact zeros
  const [muted] = eventsOf('ben', 'muted')
  const [unmuted] = eventsOf('ben', 'unmuted')
  const quiet = listener.frames.filter(({ identity, ms }) => identity === 'ben' && ms > (muted?.ms ?? 0) + 300 && ms < (unmuted?.ms ?? 0))
  expect(quiet.length).toBeGreaterThan(20)
  expect(Math.max(...quiet.map(({ peak }) => peak))).toBe(0)
})

test('SIGTERM makes everybody leave, and the play is not said to have ended well', async () => {
  const events: PlayEvent[] = []
  const long: Script = { cast: cast.slice(0, 1), steps: [{ atMs: 0, actor: 'anna', do: 'marks', slots: 3_000 }] }
  const listener = new Listener()
  await using actors = spawnActors({
    order: { ...keys(), room: 'ended', sampleRate: 16_000, isHeld: false, script: long },
    onEvent: (event) => events.push(event),
    clock: systemClock,
  })
  await actors.started
  await listener.join(server, 'ended')
  const left = deferred<number | undefined>()
  listener.room.on(RoomEvent.ParticipantDisconnected, (who) => left.resolve(who.disconnectReason))
  actors.kill('SIGTERM')
  await expect(actors.ended).rejects.toMatchObject({ code: 'actors_ended' })
  expect(events.at(-1)).toMatchObject({ kind: 'ended', isPlayed: false, health: { failures: 0 } })
  // 1 is CLIENT_INITIATED: it left as a client does
  expect(await left.promise).toBe(1)
  await listener.close()
})

test('a server that refuses the key is one error, and the token is not in it', async () => {
  await using actors = spawnActors({
    order: { ...keys(), apiSecret: 'y'.repeat(40), room: 'refused', sampleRate: 16_000, isHeld: false, script },
    onEvent: () => undefined,
    clock: systemClock,
  })
  const error = await actors.ready.then(
    () => new Error('it was let in'),
    (thrown: unknown) => thrown as Error,
  )
  expect(error.message).toMatch(/401/)
  expect(error.message).not.toMatch(/eyJ/)
})

test('an impossible script is refused before anybody joins', async () => {
  const events: PlayEvent[] = []
  await using actors = spawnActors({
    order: {
      ...keys(),
      room: 'impossible',
      sampleRate: 16_000,
      isHeld: false,
      script: { cast, steps: [{ atMs: 0, actor: 'zoe', do: 'mute' }] },
    },
    onEvent: (event) => events.push(event),
    clock: systemClock,
  })
  await expect(actors.ended).rejects.toThrow(/nobody is called zoe/)
  expect(events).toEqual([])
})

test('speech is rendered at 16 kHz without silence at its ends, and kept', async () => {
  await using speech = new Speech(60_000)
  const clip = await speech.clip('good morning everyone thank you for joining', 'rms')
  expect(clip.length / 16_000).toBeGreaterThan(2)
  expect(clip.length / 16_000).toBeLessThan(3.5)
  expect(clip.subarray(0, 800).some((sample) => Math.abs(sample) > 300)).toBe(true)
  expect(await speech.clip('good morning everyone thank you for joining', 'rms')).toBe(clip)
  // the bound of 60000 samples: the older clip goes
  await speech.clip('please remember to update the calendar', 'awb')
  expect(speech.keptSamples).toBeLessThanOrEqual(60_000)
  expect(await speech.clip('good morning everyone thank you for joining', 'rms')).not.toBe(clip)
})

test('the same text asked for twice at once is rendered once; after close nothing is', async () => {
  const speech = new Speech()
  const [one, two] = await Promise.all([speech.clip('i agree', 'rms'), speech.clip('i agree', 'rms')])
  expect(one).toBe(two)
  const late = speech.clip('that sounds good to me', 'slt')
  await Promise.all([expect(late).rejects.toMatchObject({ code: 'state' }), speech.close()])
  await expect(speech.clip('i agree', 'rms')).rejects.toMatchObject({ code: 'state' })
})
