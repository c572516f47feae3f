import type { TranscriptDocument } from '../segment.js'
import { oneLine, speakerOf } from './plain.js'

/** What is shown at one time. */
export interface Cue {
  readonly startMs: number
  /** after `startMs` */
  readonly endMs: number
  readonly speaker: string
  /** one line, not escaped */
  readonly text: string
}

const MAX_MS = 7000
const MAX_CHARACTERS = 84

interface Token {
  readonly text: string
  readonly startMs: number
  readonly endMs: number
}

/** The segments cut into cues of at most 7 s and 84 characters, at words; in order of their start. Segments without text give none. */
export function cues(document: TranscriptDocument): Cue[] {
  return document.segments
    .flatMap((segment) => {
      const speaker = speakerOf(segment)
      return cut(tokensOf(segment)).map((tokens) => cueOf(speaker, tokens))
    })
    .toSorted((a, b) => a.startMs - b.startMs || a.endMs - b.endMs)
}

function cueOf(speaker: string, tokens: readonly Token[]): Cue {
  const startMs = Math.max(0, Math.round(tokens[0]?.startMs ?? 0))
  const last = tokens.reduce((end, token) => Math.max(end, token.endMs), 0)
  const endMs = Math.max(startMs + 1, Math.min(startMs + MAX_MS, Math.round(last)))
  return { startMs, endMs, speaker, text: tokens.map((token) => token.text).join(' ') }
}

function cut(tokens: readonly Token[]): Token[][] {
  const groups: Token[][] = []
  let characters = 0
  for (const token of tokens) {
    const group = groups.at(-1)
    const fits = group && characters + 1 + token.text.length <= MAX_CHARACTERS && token.endMs - (group[0] as Token).startMs <= MAX_MS
    characters = fits ? characters + 1 + token.text.length : token.text.length
    if (fits) group.push(token)
    else groups.push([token])
  }
  return groups
}

/** The text in pieces between spaces, each with its time: of its word when they agree, else by its share of the characters. */
function tokensOf(segment: TranscriptDocument['segments'][number]): Token[] {
  const pieces = oneLine(segment.text).split(' ').filter(Boolean)
  const isTimed = segment.words.length === pieces.length
  const characters = pieces.reduce((sum, piece) => sum + piece.length, 0)
  const msPerCharacter = Math.max(0, segment.endMs - segment.startMs) / Math.max(1, characters)
  let before = 0
  return pieces.flatMap((text, index) => {
    const word = isTimed ? segment.words[index] : undefined
    const startMs = word?.startMs ?? segment.startMs + before * msPerCharacter
    before += text.length
    return broken({ text, startMs, endMs: word?.endMs ?? segment.startMs + before * msPerCharacter })
  })
}

/** A piece longer than a cue, as languages without spaces have, in parts that cut no visible character. */
function broken(token: Token): Token[] {
  if (token.text.length <= MAX_CHARACTERS) return [token]
  const parts = ['']
  for (const { segment } of new Intl.Segmenter().segment(token.text)) {
    for (const piece of segment.length <= MAX_CHARACTERS ? [segment] : Array.from(segment)) {
      const last = parts.length - 1
      if ((parts[last] as string).length + piece.length <= MAX_CHARACTERS) parts[last] += piece
      else parts.push(piece)
    }
  }
  const msPerCharacter = (token.endMs - token.startMs) / token.text.length
  let before = 0
  return parts.map((text) => {
    const startMs = token.startMs + before * msPerCharacter
    before += text.length
    return { text, startMs, endMs: token.startMs + before * msPerCharacter }
  })
}
