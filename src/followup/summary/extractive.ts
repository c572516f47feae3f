import type { TranscriptDocument } from '../../live/transcript/segment.js'
import type { SummarySection } from '../../records/port.js'
import type { Summariser } from '../port.js'
import { isDecision, isDuty, isPleasantry, isPromise, isRealQuestion, isRequest, leavesOpen } from './cues.js'
import { PIECE, breathe } from './pace.js'
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
/** a greeting with more words has something to say as well */
const MAX_PLEASANTRY = 8

/**
 * A summary made of what was said, word for word: no model, no network. Every line cites the segments that it
 * was taken from; owners are people of the meeting or null. Deterministic; touches nothing but its argument.
 */
export function createExtractiveSummariser(): Summariser {
  return { model: 'extractive-1', summarise }
}

async function summarise(transcript: TranscriptDocument): Promise<SummarySection[]> {
  const sentences = await sentencesOf(transcript)
  const people = peopleOf(transcript)
  const found = { decisions: [] as SummaryLine[], actions: [] as SummaryLine[], questions: [] as SummaryLine[] }
  for (const [index, sentence] of sentences.entries()) {
    if (index % PIECE === PIECE - 1) await breathe()
    const actions = actionOf(sentence, people)
    found.actions.push(...actions)
    if (isDecided(sentence)) found.decisions.push(lineOf(sentence, null, false))
    // what asks somebody to do something is an action, not a question
    if (actions.length === 0 && isOpenQuestion(sentences, index)) found.questions.push(lineOf(sentence, null, true))
  }
  const listed = new Set([...found.decisions, ...found.actions].map((line) => line.text))
  const overview = sentences.length === 0 ? [nothingSaid(transcript)] : await overviewOf(sentences, listed)
  return [
    { kind: 'overview', lines: overview },
    { kind: 'decisions', lines: distinct(found.decisions) },
    { kind: 'actions', lines: distinct(found.actions) },
    { kind: 'questions', lines: distinct(found.questions) },
  ]
}

const nothingSaid = (transcript: TranscriptDocument): SummaryLine => ({
  text: transcript.complete ? 'No speech was transcribed.' : 'No speech was transcribed, and the transcript is incomplete.',
  owner: null,
  segmentIds: [],
})

/** @param listed texts that a section of their own has: not said twice while there is something else to say */
async function overviewOf(sentences: readonly Sentence[], listed: ReadonlySet<string>): Promise<SummaryLine[]> {
  const rich = sentences.filter(({ content, text }) => content.length >= MIN_CONTENT && !isRealQuestion(text, MIN_WORDS))
  const telling = rich.filter(({ text, words }) => !listed.has(text) && !(isPleasantry(text) && words.length <= MAX_PLEASANTRY))
  const from = [telling, rich].find((some) => some.length >= OVERVIEW.min) ?? sentences
  const wanted = Math.ceil(from.length / OVERVIEW.sentencesPerLine)
  const chosen = await mostCentral(from, Math.min(OVERVIEW.max, Math.max(OVERVIEW.min, wanted)))
  return chosen.map((sentence) => lineOf(sentence, null, true))
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

/** A question that nobody else answered at once. */
function isOpenQuestion(sentences: readonly Sentence[], index: number): boolean {
  const question = sentences[index]
  return question !== undefined && isRealQuestion(question.text, question.words.length) && !isAnswered(question, sentences, index)
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
