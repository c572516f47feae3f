import type { VoiceDetectorFactory } from '../../src/live/audio/voice/detector.js'
import { EnergyDetector } from '../../src/live/audio/voice/energy.js'
import { loadVoice } from '../../src/live/audio/voice/load.js'
import type { VoiceTunables } from '../../src/live/audio/voice/staged.js'
import { Speech } from '../../src/standins/actors/speech.js'
import { VOICES } from '../../src/standins/actors/voices.js'
import { seeded, whiteNoise } from '../support/marks-audio.js'
import { faster, narrow, thin } from '../support/voice-altered.js'
import { markUtterances, realUtterances, utterances, vowelUtterances, type Utterance } from '../support/voice-clips.js'
import { NOISES, noise, roomTone, type NoiseName } from '../support/voice-noises.js'
import { quantiles } from './quantiles.js'
import { cpuMsPerSec, hitsOf, holds, sceneOf, verdictsOf, type Scene } from '../support/voice-trial.js'
import type { Size } from './size.js'

const RATE = 16_000

/** Each stage by itself, and around the values that are in use. `plain`: no floor, every active block counts as voiced, nobody confirms. */
const PLAIN: Partial<VoiceTunables> = { floorRatio: 0, voiced: 0, speechFrames: 0 }
const VARIANTS: Readonly<Record<string, Partial<VoiceTunables>>> = {
  'fvad 0': { ...PLAIN, mode: 0 },
  'fvad 1': { ...PLAIN, mode: 1 },
  'fvad 2': { ...PLAIN, mode: 2 },
  'fvad 3': { ...PLAIN, mode: 3 },
  'fvad 1 + floor': { voiced: 0, speechFrames: 0 },
  'fvad 1 + floor + pitch': { speechFrames: 0 },
  'fvad 1 + floor + rnnoise': { voiced: 0 },
  'all, fvad 0': { mode: 0 },
  'all (in use)': {},
  'all, fvad 2': { mode: 2 },
  'all, fvad 3': { mode: 3 },
  'all, voiced 0.5': { voiced: 0.5 },
  'all, voiced 0.75': { voiced: 0.75 },
  'all, speech 0.7': { speech: 0.7 },
  'all, speech 0.9': { speech: 0.9 },
  'all, tones as voices': { tone: 2 },
  'all, tones never': { toneSpeech: 2 },
  'all, tone 0.95': { tone: 0.95 },
  'all, no hold': { holdBlocks: 10_000 },
}

/** Short ones among them: there a detector has least time. */
const TEXTS = [
  'please remember to update the calendar',
  'there are three people on vacation next week',
  'does anybody have a question',
  'sure that is fine',
  'hello everyone',
  'should we ship it',
  'thank you',
  'perhaps',
  'seven',
  'okay',
  'what',
  'yes',
  'no',
]

/** RMS of the speech, and how far under it the room lies. */
const CONDITIONS = [
  { level: 2000, snrDb: null },
  { level: 2000, snrDb: 30 },
  { level: 2000, snrDb: 20 },
  { level: 300, snrDb: null },
  { level: 300, snrDb: 20 },
] as const

/** Of these, those that altered voices are heard under. */
const ALTERED_CONDITIONS = CONDITIONS.filter(({ level, snrDb }) => (level === 2000 ? snrDb !== 30 : snrDb === 20))

/** Noises that are taken for voices now and then: minutes of more seeds, so that it is not the seed that decides. */
const CONFUSED: readonly NoiseName[] = ['music', 'motor', 'beeps', 'squeaks']

/** What of the voices is heard in another's microphone, against a voice of RMS 2000. */
const CROSS_TALK_DB = [30, 35, 40] as const

/** The flite voices say the texts; nothing where the package is absent. */
async function fliteUtterances(): Promise<Utterance[]> {
  await using speech = new Speech()
  const wanted = VOICES.flatMap((voice) => TEXTS.map((text) => ({ voice, text })))
  const clips = await Promise.allSettled(wanted.map(({ voice, text }) => speech.clip(text, voice)))
  return clips.flatMap((clip, at) => (clip.status === 'fulfilled' ? utterances(`flite ${wanted[at]!.voice}`, clip.value, true) : []))
}

/** Somebody who speaks 12 % of the time, and is otherwise heard as given. */
function person(list: readonly Utterance[], background: Int16Array<ArrayBuffer>, seed: number): Int16Array {
  const random = seeded(seed)
  const scene = Int16Array.from(background)
  for (let at = Math.round(random() * 10 * RATE); ;) {
    const { samples } = list[Math.floor(random() * list.length)]!
    if (at + samples.length > scene.length) return scene
    for (let index = 0; index < samples.length; index++)
      scene[at + index] = Math.max(-32_768, Math.min(32_767, scene[at + index]! + samples[index]!))
    at += Math.round(samples.length * (1 + (88 / 12) * (0.5 + random())))
  }
}

/** Ten people: five hear comfort noise when they do not speak, three a quiet room, one a fan, one types. */
function crowdOf(list: readonly Utterance[], seconds: number): Int16Array[] {
  return Array.from({ length: 10 }, (_, who) => {
    const seed = 900 + who
    if (who < 5) return person(list, whiteNoise(seconds * RATE, 2, seed), seed)
    if (who < 8) return person(list, roomTone(seconds, 40, seed), seed)
    return person(list, noise(who === 8 ? 'fan' : 'typing', seconds, seed), seed)
  })
}

/** Voices that are found less easily: higher ones, and what poor microphones leave of them. */
function alteredOf(list: readonly Utterance[]): (readonly [name: string, list: readonly Utterance[]])[] {
  return [
    ...[1.3, 1.45, 1.6, 1.8].map((speed) => [`x${speed}`, faster(list, speed)] as const),
    ['thin', thin(list)],
    ['300-3400 Hz', narrow(list, 300, 3400)],
    ['500-2500 Hz', narrow(list, 500, 2500)],
    ['60-1500 Hz', narrow(list, 60, 1500)],
    ['300-3400 Hz x1.3', narrow(faster(list, 1.3), 300, 3400)],
  ]
}

interface Material {
  readonly noises: readonly (readonly [name: string, samples: Int16Array])[]
  readonly speech: readonly (readonly [name: string, scenes: readonly Scene[]])[]
  readonly altered: Material['speech']
  readonly tails: readonly { readonly samples: Int16Array; readonly speechBlocks: number }[]
  readonly cpu: Readonly<Record<'silent' | 'comfort' | 'room' | 'fan' | 'typing' | 'speech', Int16Array>>
  readonly crowd: readonly Int16Array[]
}

/** Speech that ends, and a noise that begins there: how long does the noise keep the channel? */
function tailsOf(list: readonly Utterance[]): Material['tails'] {
  return (['typing', 'breath', 'rustle', 'rumble', 'fan'] as const).flatMap((name, which) =>
    list.slice(0, 6).map((utterance, at) => {
      const spoken = sceneOf([utterance], 2000, null, at).samples
      const speechBlocks = Math.floor(spoken.length / 800) - 20
      const samples = new Int16Array((speechBlocks + 200) * 800)
      samples.set(spoken.subarray(0, speechBlocks * 800))
      samples.set(noise(name, 10, 300 + which * 10 + at), speechBlocks * 800)
      return { samples, speechBlocks }
    }),
  )
}

function materialOf(sources: readonly (readonly [string, readonly Utterance[]])[], noiseSec: number): Material {
  const everybody = sources.flatMap(([, list]) => list)
  const scenes = (kinds: typeof sources, conditions: readonly (typeof CONDITIONS)[number][]) =>
    kinds.map(([name, list]) => [name, conditions.map(({ level, snrDb }, at) => sceneOf(list, level, snrDb, 3 + at))] as const)
  const noises = NOISES.flatMap((name) => {
    const [seeds, seconds] = CONFUSED.includes(name) ? [[5, 6, 7, 8, 9, 10, 11, 12], 60] : [[5, 6], noiseSec]
    return seeds.map((seed) => [name, noise(name, seconds, seed)] as const)
  })
  const crossTalk = CROSS_TALK_DB.map(
    (db) => [`cross-talk -${db} dB`, sceneOf(everybody.slice(0, 60), 2000 * 10 ** (-db / 20), 10, db).samples] as const,
  )
  return {
    noises: [...noises, ...crossTalk],
    speech: scenes(sources, CONDITIONS),
    altered: scenes(alteredOf(everybody.filter(({ source }) => source !== 'marks').slice(0, 120)), ALTERED_CONDITIONS),
    tails: tailsOf(everybody),
    cpu: {
      silent: new Int16Array(20 * RATE),
      comfort: whiteNoise(20 * RATE, 2, 1),
      room: roomTone(20, 60, 1),
      fan: noise('fan', 20, 2),
      typing: noise('typing', 20, 3),
      speech: sceneOf(everybody.slice(0, 15), 2000, 30, 3).samples,
    },
    crowd: crowdOf(everybody, 60),
  }
}

const share = (part: number, whole: number) => Math.round((1e4 * part) / Math.max(1, whole)) / 100
const rounded = (value: number, digits = 1) => Math.round(value * 10 ** digits) / 10 ** digits
const perMinute = (count: number, blocks: number) => rounded((count * 1200) / blocks)

/** False onsets a minute, those of the worst seed, and percent of the time that is held, by noise. */
function noiseRow(detector: string, make: VoiceDetectorFactory, material: Material): Record<string, string | number> {
  const sums = new Map<string, { onsets: number; most: number; heldBlocks: number; blocks: number }>()
  for (const [name, samples] of material.noises) {
    const listener = make()
    const found = holds(verdictsOf(listener, samples))
    listener.close()
    const sum = sums.get(name) ?? { onsets: 0, most: 0, heldBlocks: 0, blocks: 0 }
    sum.onsets += found.length
    sum.most = Math.max(sum.most, perMinute(found.length, Math.floor(samples.length / 800)))
    sum.heldBlocks += found.reduce((total, { from, to }) => total + to - from, 0)
    sum.blocks += Math.floor(samples.length / 800)
    sums.set(name, sum)
  }
  const cells = [...sums].map(([name, { onsets, most, heldBlocks, blocks }]) => [
    name,
    `${perMinute(onsets, blocks)} (${most})/${Math.round(Math.min(100, (100 * heldBlocks) / blocks))}%`,
  ])
  return { detector, ...Object.fromEntries(cells) }
}

const hitsOfAll = (make: VoiceDetectorFactory, scenes: readonly Scene[]) =>
  scenes.map((scene) => {
    const listener = make()
    const found = hitsOf(scene, verdictsOf(listener, scene.samples))
    listener.close()
    return found
  })

/** Onsets of altered voices that were not heard whole, of how many. */
function alteredRow(detector: string, make: VoiceDetectorFactory, material: Material): Record<string, string> {
  const cells = material.altered.map(([name, scenes]) => {
    const hits = hitsOfAll(make, scenes)
    const onsets = hits.reduce((sum, hit) => sum + hit.onsets, 0)
    return [name, `${onsets - hits.reduce((sum, hit) => sum + hit.whole, 0)}/${onsets}`]
  })
  return { detector, ...Object.fromEntries(cells) }
}

/** Onsets heard whole, percent, by kind of speech; and the rest of what matters about speech. */
function speechRow(detector: string, make: VoiceDetectorFactory, material: Material): Record<string, unknown> {
  const all = material.speech.map(([name, scenes]) => ({ name, hits: hitsOfAll(make, scenes) }))
  const hits = all.flatMap((kind) => kind.hits)
  const sum = (list: typeof hits, field: 'whole' | 'onsets' | 'speechBlocks' | 'lostBlocks' | 'voiceBlocks') =>
    list.reduce((total, hit) => total + hit[field], 0)
  const tails = material.tails.map(({ samples, speechBlocks }) => {
    const listener = make()
    const last = holds(verdictsOf(listener, samples)).find(({ from }) => from < speechBlocks + 10)
    listener.close()
    return last ? Math.max(0, last.to - speechBlocks) * 50 : 0
  })
  const delaysMs = quantiles(hits.flatMap((hit) => hit.delaysMs))
  return {
    detector,
    onsets: sum(hits, 'onsets'),
    recall: share(sum(hits, 'whole'), sum(hits, 'onsets')),
    ...Object.fromEntries(all.map((kind) => [kind.name, share(sum(kind.hits, 'whole'), sum(kind.hits, 'onsets'))])),
    lost: share(sum(hits, 'lostBlocks'), sum(hits, 'speechBlocks')),
    flagged: share(sum(hits, 'voiceBlocks'), sum(hits, 'speechBlocks')),
    delayMs: { p50: Math.round(delaysMs.p50), p99: Math.round(delaysMs.p99) },
    tailMs: { mean: Math.round(tails.reduce((total, tail) => total + tail, 0) / tails.length), max: Math.max(...tails) },
  }
}

/** CPU in ms per second of audio. */
function cpuRow(detector: string, make: VoiceDetectorFactory, material: Material): Record<string, string | number> {
  const cost = (samples: Int16Array, passes: number) => {
    const listener = make()
    const ms = cpuMsPerSec(listener, samples, passes)
    listener.close()
    return rounded(ms, 3)
  }
  const cells = Object.entries(material.cpu).map(([name, samples]) => [name, cost(samples, 3)])
  const crowd = material.crowd.reduce((total, samples) => total + cost(samples, 1), 0) / material.crowd.length
  return { detector, ...Object.fromEntries(cells), crowd: rounded(crowd, 3) }
}

/**
 * Holds voice detectors to noises and to speech with known onsets, all seeded.
 * @returns `noise`: onsets a minute (of the worst seed) / percent of time held; `speech`: percent of onsets heard whole, of speech lost and
 *   flagged, delay until it is known, and how long a noise that follows is taken for speech, hangover of 0.5 s included; `altered`: onsets of higher
 *   and thinner voices lost, of how many; `cpu`: ms per second of audio, `crowd` being ten people who speak 12 % of the time
 */
export async function run({ scale }: Pick<Size, 'scale'>): Promise<object> {
  const isFull = scale === 'full'
  const sources = [
    ['real', realUtterances()],
    ['flite', await fliteUtterances()],
    ['marks', markUtterances(isFull ? 100 : 30, 1)],
    ['vowels', vowelUtterances(isFull ? 100 : 30, 1)],
  ] as const
  const material = materialOf(sources, isFull ? 240 : 60)
  const factories: [string, VoiceDetectorFactory][] = [['energy 200', () => new EnergyDetector(200)]]
  for (const [name, tunables] of Object.entries(VARIANTS)) factories.push([name, await loadVoice(tunables)])
  return {
    utterances: Object.fromEntries(sources.map(([name, list]) => [name, list.length])),
    noise: factories.map(([name, make]) => noiseRow(name, make, material)),
    speech: factories.map(([name, make]) => speechRow(name, make, material)),
    altered: factories.map(([name, make]) => alteredRow(name, make, material)),
    cpu: factories.map(([name, make]) => cpuRow(name, make, material)),
  }
}
