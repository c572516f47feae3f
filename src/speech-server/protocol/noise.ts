import type { SwitchValue } from '../behaviours/schema.js'
import type { ServerMessage, TranscriptData } from './server-message.js'

/** What goes over the socket. */
export type Frame = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'binary'; readonly bytes: Buffer }

/** Which noise surrounds one message. */
export interface Noise {
  readonly unknownMessage: boolean
  readonly extraFields: boolean
  readonly invalidJson: boolean
  readonly binaryMessage: boolean
}

/** The message as frames, with the noise before it. The message itself is always there. */
export function withNoise(message: ServerMessage, noise: Noise): Frame[] {
  const frames: Frame[] = []
  if (noise.unknownMessage) {
    frames.push({ kind: 'text', text: JSON.stringify({ ...message, type: 'weather_report', data: { sky: ['blue', null] } }) })
  }
  if (noise.invalidJson) frames.push({ kind: 'text', text: '{"type":"transcript","data":{"id":' })
  if (noise.binaryMessage) frames.push({ kind: 'binary', bytes: Buffer.from([0, 255, 1, 254]) })
  const extra = { ...message, trace: { hops: [1, 2] }, schema_version: '9.9' }
  frames.push({ kind: 'text', text: JSON.stringify(noise.extraFields ? extra : message) })
  return frames
}

type Utterance = TranscriptData['utterance']

function distortTimes(utterance: Utterance, timestamps: SwitchValue<'timestamps'>, audioSec: number): object {
  if (timestamps === 'exact') return utterance
  if (timestamps === 'null') return { ...utterance, start: null, end: null }
  if (timestamps === 'end_before_start') return { ...utterance, start: utterance.end, end: utterance.start }
  const bySec = timestamps === 'beyond_audio' ? audioSec + 3600 : timestamps.jumpSec
  const words = utterance.words.map((word) => ({ ...word, start: word.start + bySec, end: word.end + bySec }))
  return { ...utterance, start: utterance.start + bySec, end: utterance.end + bySec, words }
}

function distortChannel(utterance: object, channel: number, how: SwitchValue<'channel'>): object {
  if (how === 'exact') return utterance
  if (how === 'missing') return Object.fromEntries(Object.entries(utterance).filter(([field]) => field !== 'channel'))
  if (how === 'negative') return { ...utterance, channel: -1 - channel }
  if (how === 'fraction') return { ...utterance, channel: channel + 0.5 }
  return { ...utterance, channel: channel + how.add }
}

/** A transcript with its times or channel falsified. @param audioSec audio accepted so far */
export function distortTranscript(
  data: TranscriptData,
  how: { readonly timestamps: SwitchValue<'timestamps'>; readonly channel: SwitchValue<'channel'> },
  audioSec: number,
): object {
  if (how.timestamps === 'exact' && how.channel === 'exact') return data
  return { ...data, utterance: distortChannel(distortTimes(data.utterance, how.timestamps, audioSec), data.utterance.channel, how.channel) }
}

/** Fisher-Yates. @param random in [0, 1) */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const out = [...items]
  for (let index = out.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1))
    ;[out[index], out[other]] = [out[other] as T, out[index] as T]
  }
  return out
}
