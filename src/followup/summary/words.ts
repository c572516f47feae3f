import * as lists from 'stopword'
import { LANGUAGE_CODE } from '../../core/language.js'

/** Stop lists by the language tag that a segment carries (ISO 639-1). */
const STOP_LISTS: Readonly<Record<string, readonly string[]>> = {
  ar: lists.ara,
  bg: lists.bul,
  ca: lists.cat,
  cs: lists.ces,
  da: lists.dan,
  de: lists.deu,
  el: lists.ell,
  en: lists.eng,
  es: lists.spa,
  et: lists.est,
  fi: lists.fin,
  fr: lists.fra,
  he: lists.heb,
  hi: lists.hin,
  hr: lists.hrv,
  hu: lists.hun,
  id: lists.ind,
  it: lists.ita,
  ja: lists.jpn,
  ko: lists.kor,
  lt: lists.lit,
  nl: lists.nld,
  no: lists.nob,
  pl: lists.pol,
  pt: lists.por,
  ro: lists.ron,
  ru: lists.rus,
  sk: lists.slk,
  sv: lists.swe,
  th: lists.tha,
  tr: lists.tur,
  uk: lists.ukr,
  vi: lists.vie,
  zh: lists.zho,
}
/** What people say without meaning anything by it; the lists are made for written text. */
const SPOKEN = [
  'okay',
  'ok',
  'yeah',
  'yes',
  'no',
  'um',
  'uh',
  'hmm',
  'well',
  'so',
  'just',
  'really',
  'think',
  'know',
  'mean',
  'like',
  'going',
  "let's",
  "i'll",
]

const stopSets = new Map<string, ReadonlySet<string>>()
const segmenters = new Map<string, Intl.Segmenter>()
/** the first words of a sentence say what it is about; the rest is not looked at */
const MAX_WORDS = 120

/** The language part of a tag, or `en` when there is none. */
export const languageOf = (tag: string | null): string => tag?.split('-')[0]?.toLowerCase() || 'en'

function stopSet(language: string): ReadonlySet<string> {
  let set = stopSets.get(language)
  if (!set) {
    set = new Set([...(STOP_LISTS[language] ?? []), ...SPOKEN])
    stopSets.set(language, set)
  }
  return set
}

/** A segmenter of a language; one that the platform does not know falls back to its default. */
export function segmenter(language: string, granularity: 'word' | 'sentence'): Intl.Segmenter {
  const known = Intl.Segmenter.supportedLocalesOf([LANGUAGE_CODE.test(language) ? language : 'en'])[0] ?? 'en'
  const key = `${known}/${granularity}`
  let made = segmenters.get(key)
  if (!made) {
    made = new Intl.Segmenter(known, { granularity })
    segmenters.set(key, made)
  }
  return made
}

/** The words of a text in lower case, at most 120. */
export function wordsOf(text: string, language: string): string[] {
  const words: string[] = []
  for (const part of segmenter(language, 'word').segment(text)) {
    if (part.isWordLike) words.push(part.segment.toLowerCase().replaceAll('’', "'"))
    if (words.length === MAX_WORDS) break
  }
  return words
}

/** The words that carry meaning. */
export function contentWords(words: readonly string[], language: string): string[] {
  const stop = stopSet(language)
  return words.filter((word) => !stop.has(word))
}
