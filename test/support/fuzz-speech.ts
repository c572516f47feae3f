import { newSessionId } from '../../src/core/ids.js'
import { StreamLedger } from '../../src/live/stt/gladia/ledger.js'
import { parseApiError, parseCreated, parseMessage, parseResult } from '../../src/live/stt/gladia/messages.js'
import { UtteranceBook } from '../../src/live/stt/gladia/utterances.js'
import { decodeAudio, decodeMarks, encodeAudio, encodeMark } from '../../src/live/stt/spool/record.js'
import { numbered } from './spool-rig.js'
import { seeded } from './marks-audio.js'

const MAX_MESSAGE = 1 << 20
/** Inputs that one book and ledger see before new ones take over. */
const LIFE = 500
const RATE = 16_000

/** What was put in, and what broke. */
export interface FuzzResult {
  readonly fuzzed: number
  readonly crashes: number
  readonly seed: number
  /** the first few that broke something */
  readonly examples: readonly { readonly input: string; readonly error: string }[]
}

const word = { word: 'hello', start: 0.5, end: 0.9, confidence: 0.9 }
const utterance = { text: ' hello there', start: 0.5, end: 1.2, channel: 1, language: 'en', confidence: 0.8, words: [word, word] }
/** messages as the service sends them: what is changed from */
const MESSAGES: readonly unknown[] = [
  { type: 'audio_chunk', acknowledged: true, error: null, data: { byte_range: [0, 6400], time_range: [0, 0.1] } },
  { type: 'audio_chunk', acknowledged: false, error: { status_code: 400, message: 'no' }, data: null },
  { type: 'stop_recording', acknowledged: true, data: { recording_duration: 12.5 } },
  { type: 'transcript', session_id: 's', created_at: 'now', data: { id: '01_00', is_final: true, utterance } },
  { type: 'transcript', session_id: 's', created_at: 'now', data: { id: '01_01', is_final: false, utterance } },
  { type: 'end_session' },
  { type: 'error', data: { code: 'internal_error', message: 'no' } },
  { type: 'speech_start', data: { time: 1.5, channel: 0 } },
]
const RESULTS: readonly unknown[] = [
  { id: 'x', status: 'done', result: { metadata: { audio_duration: 10 }, transcription: { utterances: [{ id: 'a', ...utterance }] } } },
  { id: 'x', status: 'processing', result: null },
  { id: 'x', url: 'wss://service/v2/live?token=t' },
  { message: 'no', validation_errors: ['channels: too many', { path: 1 }] },
]
const STRANGE: readonly unknown[] = [
  null,
  true,
  -1,
  0.5,
  1e308,
  -0,
  2 ** 53,
  '',
  '\u0000',
  '\ud800',
  '__proto__',
  'x'.repeat(2000),
  [],
  {},
  [[[[]]]],
  { __proto__: null, constructor: 7, toString: 1 },
  { length: 1e9 },
]

/**
 * Gives the parser of socket messages, what acts on them, the parsers of answers and the reader of spool files a number of seeded inputs:
 * rightly formed ones with values exchanged, cut, spliced and with bits flipped, and noise. Nothing may throw, and no record may come out of
 * bytes that it is not in.
 */
export function runFuzz({ count, seed }: { readonly count: number; readonly seed: number }): FuzzResult {
  const random = seeded(seed)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
  const texts = [...MESSAGES, ...RESULTS].map((one) => JSON.stringify(one))
  const spool = Buffer.concat([
    encodeAudio(0, 2, numbered(0, 30)),
    encodeMark(20),
    encodeAudio(30, 2, numbered(30, 10)),
    encodeAudio(40, 2, numbered(40, 50)),
  ])
  const examples: { input: string; error: string }[] = []
  let crashes = 0
  let life = LIFE
  let book = new UtteranceBook(newSessionId())
  let ledger = new StreamLedger(4)
  for (let at = 0; at < count; at++) {
    if (++life > LIFE) {
      life = 0
      book = new UtteranceBook(newSessionId())
      ledger = new StreamLedger(4)
      ledger.sent(0, 1600)
    }
    const isSpool = random() < 0.4
    const bytes = isSpool ? mutated(spool, random) : Buffer.from(random() < 0.6 ? changed(pick([...MESSAGES, ...RESULTS])) : pick(texts))
    const input = isSpool || random() < 0.3 ? bytes : mutated(bytes, random)
    try {
      if (isSpool) readSpool(input, spool)
      else hear(input.toString('utf8'), book, ledger, random)
    } catch (thrown) {
      crashes++
      if (examples.length < 5) examples.push({ input: input.toString('latin1').slice(0, 500), error: String(thrown) })
    }
  }
  return { fuzzed: count, crashes, seed, examples }

  /** A document with one value somewhere in it exchanged. */
  function changed(document: unknown): string {
    if (random() < 0.15) return JSON.stringify(pick(STRANGE)) ?? 'undefined'
    if (Array.isArray(document) && document.length > 0) {
      const where = Math.floor(random() * document.length)
      const rest = document.map((value, index) => (index === where ? 0 : value) as unknown)
      return `[${rest.map((value, index) => (index === where ? changed(document[where]) : JSON.stringify(value))).join(',')}]`
    }
    if (typeof document !== 'object' || document === null) return JSON.stringify(pick(STRANGE)) ?? 'undefined'
    const entries = Object.entries(document)
    const where = Math.floor(random() * entries.length)
    const parts = entries.map(([key, value], index) => `${JSON.stringify(key)}:${index === where ? changed(value) : JSON.stringify(value)}`)
    if (random() < 0.1) parts.push(`"${pick(['__proto__', 'type', 'data', 'x'])}":${JSON.stringify(pick(STRANGE))}`)
    return `{${parts.join(',')}}`
  }
}

/** Cut, doubled, spliced, overwritten, or with bits flipped; now and then noise. */
function mutated(bytes: Buffer, random: () => number): Buffer {
  const where = Math.floor(random() * (bytes.length + 1))
  const length = Math.floor(random() * 40)
  const noise = Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)))
  const copy = Buffer.from(bytes)
  switch (Math.floor(random() * 7)) {
    case 0:
      return copy.subarray(0, where)
    case 1:
      return copy.subarray(where)
    case 2:
      return Buffer.concat([copy.subarray(0, where), noise, copy.subarray(where)])
    case 3:
      return Buffer.concat([copy, copy.subarray(where)])
    case 4:
      for (let flips = 1 + Math.floor(random() * 3); flips > 0 && copy.length > 0; flips--) {
        const at = Math.floor(random() * copy.length)
        copy[at]! ^= 1 << Math.floor(random() * 8)
      }
      return copy
    case 5:
      copy.set(noise.subarray(0, copy.length - where), where)
      return copy
    default:
      return noise
  }
}

/** What a session does with a message and with answers. */
function hear(text: string, book: UtteranceBook, ledger: StreamLedger, random: () => number): void {
  const view = { map: ledger.map, sampleRate: RATE, sentFrames: 1600 }
  const message = parseMessage(text, MAX_MESSAGE)
  if (message.kind === 'chunk_ack') ledger.acknowledged(message.range)
  else if (message.kind === 'chunk_refused') ledger.refused()
  else if (message.kind === 'stop_ack' && message.durationSec !== null) ledger.confirm(message.durationSec * RATE, 320)
  else if (message.kind === 'transcript') {
    const told = book.take(message.id, message.isFinal, message.utterance, view)
    const isOrdered = !told || (told.startSec >= 0 && told.startSec <= told.endSec && told.endSec <= 1600 / RATE)
    if (!isOrdered) throw new Error(`an utterance from ${told?.startSec} to ${told?.endSec}`)
  }
  if (ledger.acknowledgedFrame > 1600) throw new Error('more is acknowledged than was sent')
  if (random() < 0.02 && ledger.connect() && ledger.probeFrame < 1600) ledger.sent(ledger.probeFrame, 1)
  let json: unknown = null
  try {
    json = JSON.parse(text)
  } catch {
    return
  }
  parseCreated(json)
  parseApiError(json)
  const result = parseResult(json)
  if (result) book.reconcile(result, view)
}

/** What comes out of a file must stand in it as it was written. */
function readSpool(bytes: Buffer, written: Buffer): void {
  const { records, goodBytes } = decodeAudio(bytes)
  if (goodBytes > bytes.length) throw new Error('more is good than is there')
  for (const { offset, bytes: size, fromFrame, toFrame, channels, pcm } of records) {
    if (offset + size > goodBytes || pcm.length !== (toFrame - fromFrame) * channels * 2) throw new Error('a record out of bounds')
    if (!written.includes(bytes.subarray(offset, offset + size))) throw new Error('a record that nobody wrote')
  }
  decodeMarks(bytes)
}
