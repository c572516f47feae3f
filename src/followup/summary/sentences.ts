import type { TranscriptDocument } from '../../live/transcript/segment.js'
import { PIECE, breathe } from './pace.js'
import { contentWords, languageOf, segmenter, wordsOf } from './words.js'

/** A sentence that one person said, with what it was found in. */
export interface Sentence {
  readonly text: string
  readonly identity: string | null
  readonly name: string | null
  readonly startMs: number
  readonly endMs: number
  readonly language: string
  readonly segmentIds: readonly string[]
  readonly words: readonly string[]
  readonly content: readonly string[]
}

type SpokenSegment = TranscriptDocument['segments'][number]

/** Utterances are cut at pauses: what the same person says within this time goes on. */
const JOIN_MS = 2_000
/** A turn longer than this is cut into several, so that no text grows with the meeting. */
const MAX_TURN_CHARS = 4_000
/** Longer "sentences" are cut: nobody reads them in a summary. */
const MAX_SENTENCE_CHARS = 600
const UNSPACED = new Set(['ja', 'zh', 'th', 'lo', 'km', 'my'])

interface Turn {
  text: string
  /** where in the text each segment begins */
  readonly starts: { readonly at: number; readonly segment: SpokenSegment }[]
  endMs: number
}

/** The sentences of a transcript in order of their beginnings. */
export async function sentencesOf(transcript: TranscriptDocument): Promise<Sentence[]> {
  const sentences: Sentence[] = []
  for (const [index, turn] of turnsOf(transcript.segments).entries()) {
    if (index % PIECE === PIECE - 1) await breathe()
    sentences.push(...split(turn))
  }
  return sentences.sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs)
}

function turnsOf(segments: readonly SpokenSegment[]): Turn[] {
  const turns: Turn[] = []
  const current = new Map<string, Turn>()
  for (const segment of segments) {
    const text = segment.text.replaceAll(/\s+/gu, ' ').trim()
    if (text === '') continue
    // several people may be unknown: their words are never joined
    const turn = segment.identity === null ? undefined : current.get(segment.identity)
    if (turn && segment.startMs - turn.endMs <= JOIN_MS && turn.text.length + text.length < MAX_TURN_CHARS) {
      append(turn, segment, text)
      continue
    }
    const fresh: Turn = { text: text.slice(0, MAX_TURN_CHARS), starts: [{ at: 0, segment }], endMs: segment.endMs }
    turns.push(fresh)
    if (segment.identity !== null) current.set(segment.identity, fresh)
  }
  return turns
}

function append(turn: Turn, segment: SpokenSegment, text: string): void {
  // a recogniser ends each utterance with a full stop; a small letter after it says that the sentence went on
  if (/^\p{Ll}/u.test(text)) turn.text = turn.text.replace(/\.$/, '')
  const glue = UNSPACED.has(languageOf(segment.language)) ? '' : ' '
  turn.starts.push({ at: turn.text.length + glue.length, segment })
  turn.text += glue + text
  turn.endMs = Math.max(turn.endMs, segment.endMs)
}

function split(turn: Turn): Sentence[] {
  const first = turn.starts[0]?.segment
  if (!first) return []
  const language = languageOf(first.language)
  const sentences: Sentence[] = []
  for (const part of segmenter(language, 'sentence').segment(turn.text)) {
    const text = part.segment.trim().slice(0, MAX_SENTENCE_CHARS)
    const words = wordsOf(text, language)
    if (words.length === 0) continue
    const end = part.index + part.segment.trimEnd().length
    const cited = turn.starts.filter(({ at }, index) => at < end && (turn.starts[index + 1]?.at ?? Infinity) > part.index)
    const segments = cited.map(({ segment }) => segment)
    sentences.push({
      text,
      identity: first.identity,
      name: first.name,
      startMs: segments[0]?.startMs ?? first.startMs,
      endMs: segments.at(-1)?.endMs ?? first.endMs,
      language,
      segmentIds: segments.map(({ id }) => id),
      words,
      content: contentWords(words, language),
    })
  }
  return sentences
}
