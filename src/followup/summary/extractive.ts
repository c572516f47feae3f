import type { TranscriptDocument } from '../../live/transcript/segment.js'
import type { SummarySection } from '../../records/port.js'
import type { Summariser } from '../port.js'
import { isDecision, isDuty, isPromise, isRealQuestion, isRequest, leavesOpen } from './cues.js'
import { assigns, ownerOf, peopleOf, type People } from './owners.js'
import { mostCentral } from './rank.js'
import { sentencesOf, type Sentence } from './sentences.js'

type SummaryLine = SummarySection['lines'][number]

const OVERVIEW = { min: 3, max: 5, sentencesPerLine: 10 }
/** lines of a section; more than that is no summary, and the transcript has them all */
const MAX_LINES = 30
/** a reply that comes later than this does not belong to the question */
const REPLY_MS = 10_000
/** sentences with fewer words are not worth a line of their own */
const MIN_WORDS = 3
/** sentences for the overview have at least this many words that carry meaning, if there are enough of them */
const MIN_CONTENT = 3

/**
 * A summary made of what was said, word for word: no model, no network. Every line cites the segments that it
 * was taken from; owners are people of the meeting or null. Pure and deterministic.
 */
export function createExtractiveSummariser(): Summariser {
  return { model: 'extractive-1', summarise: (transcript) => Promise.resolve(summarise(transcript)) }
}

function summarise(transcript: TranscriptDocument): SummarySection[] {
  const sentences = sentencesOf(transcript)
  const people = peopleOf(transcript)
  const overview = sentences.length === 0 ? [nothingSaid(transcript)] : overviewOf(sentences)
  return [
    { kind: 'overview', lines: overview },
    { kind: 'decisions', lines: distinct(sentences.filter(isDecided).map((sentence) => lineOf(sentence, null, false))) },
    { kind: 'actions', lines: distinct(sentences.flatMap((sentence) => actionOf(sentence, people))) },
    { kind: 'questions', lines: distinct(openQuestions(sentences, people)) },
  ]
}

const nothingSaid = (transcript: TranscriptDocument): SummaryLine => ({
  text: transcript.complete ? 'No speech was transcribed.' : 'No speech was transcribed, and the transcript is incomplete.',
  owner: null,
  segmentIds: [],
})

function overviewOf(sentences: readonly Sentence[]): SummaryLine[] {
  const rich = sentences.filter(({ content, text }) => content.length >= MIN_CONTENT && !isRealQuestion(text, MIN_WORDS))
  const from = rich.length >= OVERVIEW.min ? rich : sentences
  const wanted = Math.ceil(from.length / OVERVIEW.sentencesPerLine)
  return mostCentral(from, Math.min(OVERVIEW.max, Math.max(OVERVIEW.min, wanted))).map((sentence) => lineOf(sentence, null, true))
}

const isDecided = ({ text, words }: Sentence): boolean => words.length >= MIN_WORDS && isDecision(text)

function actionOf(sentence: Sentence, people: People): SummaryLine[] {
  const { text, words } = sentence
  if (words.length < MIN_WORDS) return []
  const isAction = isPromise(text) || isRequest(text) || assigns(text, people)
  if (!isAction && !isDuty(text)) return []
  const owner = ownerOf(sentence, people)
  // "we decided to ship by Friday" is a decision; it is an action as well when somebody is to do it
  if (owner === null && isDecision(text)) return []
  return [lineOf(sentence, owner, false)]
}

/** Questions that nobody else answered at once; requests are actions, not questions. */
function openQuestions(sentences: readonly Sentence[], people: People): SummaryLine[] {
  return sentences.flatMap((sentence, index) => {
    const { text, words } = sentence
    if (!isRealQuestion(text, words.length) || isRequest(text) || actionOf(sentence, people).length > 0) return []
    return isAnswered(sentence, sentences, index) ? [] : [lineOf(sentence, null, true)]
  })
}

function isAnswered(question: Sentence, sentences: readonly Sentence[], index: number): boolean {
  for (let at = index + 1; at < sentences.length; at++) {
    const reply = sentences[at]
    if (!reply || reply.startMs - question.endMs > REPLY_MS) return false
    if (reply.identity !== question.identity || reply.identity === null) return !leavesOpen(reply.text)
  }
  return false
}

function lineOf(sentence: Sentence, owner: string | null, isNamed: boolean): SummaryLine {
  const speaker = isNamed && sentence.name !== null ? `${sentence.name}: ` : ''
  return { text: speaker + sentence.text, owner, segmentIds: sentence.segmentIds }
}

/** Without lines that were there before in the same words; bounded. */
function distinct(lines: readonly SummaryLine[]): SummaryLine[] {
  const seen = new Set<string>()
  const out: SummaryLine[] = []
  for (const line of lines) {
    const key = line.text.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    if (seen.has(key)) continue
    seen.add(key)
    out.push(line)
    if (out.length === MAX_LINES) break
  }
  return out
}
