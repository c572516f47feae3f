import type { TranscriptDocument } from '../../live/transcript/segment.js'
import { isPromise, isQuestion, isRequest } from './cues.js'
import type { Sentence } from './sentences.js'

/** How people of a meeting may be called. */
export interface People {
  /** name as called, in lower case -> full name; a name that several people bear is not in it */
  readonly called: ReadonlyMap<string, string>
}

/** Names of the meeting: full names, and first names that only one person has. */
export function peopleOf(transcript: TranscriptDocument): People {
  const byIdentity = new Map<string, string>()
  for (const { identity, name } of transcript.coverage) byIdentity.set(identity, name)
  for (const { identity, name } of transcript.segments) if (identity !== null && name !== null) byIdentity.set(identity, name)
  const bearers = new Map<string, Set<string>>()
  const full = new Map<string, string>()
  for (const [identity, name] of byIdentity) {
    const [first = ''] = name.trim().split(/\s+/u)
    for (const called of new Set([name.trim(), first])) {
      if (called.length < 2) continue
      const key = called.toLowerCase()
      bearers.set(key, (bearers.get(key) ?? new Set()).add(identity))
      full.set(key, name)
    }
  }
  return { called: new Map([...full].filter(([key]) => bearers.get(key)?.size === 1)) }
}

const escapeRegExp = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
const OPENING = '(?:(?:so|and|okay|ok|hey|hi|thanks|thank you|yes|well|great|then|alright|also)[, ]+){0,3}'
const ASKED = '(?:(?:can|could|would|will) you|please|kannst du|könntest du|bitte|peux-tu|puedes|por favor)'
/** What makes of "Bob will" no undertaking: doubt or hearsay before it. */
const HEARSAY =
  /(?:n't|\b(?:if|hope|hopes|think|maybe|might|whether|wonder|said|says|guess|when|because|not|never|doubt|until|unless|before))\b/iu

/**
 * Who is to do what a sentence says: the speaker who promises, or the person who is asked or assigned by name.
 * Null when nobody is named, the name is not one person's of this meeting, or the sentence names two.
 */
export function ownerOf(sentence: Sentence, people: People): string | null {
  const text = sentence.text.replaceAll('’', "'")
  const owners = new Set<string>()
  if (isPromise(text)) {
    // a promise of somebody unknown has no name to put to it
    if (sentence.name === null) return null
    owners.add(sentence.name)
  }
  const isAsked = isRequest(text)
  let isAskedByName = false
  const lower = text.toLowerCase()
  for (const [called, name] of people.called) {
    if (!lower.includes(called)) continue
    if (isAsked && isAddressed(text, called)) {
      owners.add(name)
      isAskedByName = true
    }
    const assigned = assignment(text, called)
    if (assigned === 'several') return null
    if (assigned === 'one') owners.add(name)
  }
  // "can you do this and I will do that" has two owners, one without a name
  if (isAsked && !isAskedByName && owners.size > 0) return null
  const [owner = null, ...others] = owners
  return others.length > 0 ? null : owner
}

/** Whether a person of the meeting is given something to do: "Bob will send it". */
export function assigns(text: string, people: People): boolean {
  const straight = text.replaceAll('’', "'")
  const lower = straight.toLowerCase()
  return [...people.called.keys()].some((called) => lower.includes(called) && assignment(straight, called) !== null)
}

function isAddressed(text: string, called: string): boolean {
  const name = escapeRegExp(called)
  const start = new RegExp(`^${OPENING}${name}[,:]? (?:so |and |then )?${ASKED}(?![\\p{L}])`, 'iu')
  const middle = new RegExp(`(?<![\\p{L}\\p{N}])${ASKED},? ${name},`, 'iu')
  // "invite Alice, Bob" may be a list of people: a name before the comma makes the last one doubtful
  const end = new RegExp(`(?<before>[\\p{L}\\p{N}']+), ${name}[?.!]*$`, 'iu')
  const before = end.exec(text)?.groups?.['before']
  return start.test(text) || middle.test(text) || (before !== undefined && !/^\p{Lu}/u.test(before))
}

function assignment(text: string, called: string): 'one' | 'several' | null {
  const name = escapeRegExp(called)
  const pattern = `(?<![\\p{L}\\p{N}])${name} (?:will|is going to|takes|shall|wird|va|übernimmt)(?! (?:not|never|be))(?![\\p{L}])`
  const found = new RegExp(pattern, 'iu').exec(text)
  // names begin with a capital: "mark will" is no Mark
  if (!found || /^\p{Ll}/u.test(found[0]) || isQuestion(text)) return null
  const before = text.slice(0, found.index)
  if (HEARSAY.test(before)) return null
  return /(?:^|\s)(?:and|or|nor|und|oder|et|ou|y|o) $/iu.test(before) ? 'several' : 'one'
}
