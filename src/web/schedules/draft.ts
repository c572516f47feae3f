/** What the form of a schedule holds: all of it text, as typed. */
export interface Draft {
  readonly kind: 'once' | 'cron' | 'ics'
  readonly room: string
  readonly title: string
  readonly language: string
  readonly startAt: string
  readonly minutes: string
  readonly cron: string
  readonly timeZone: string
  readonly url: string
  /** text of a calendar file that was chosen */
  readonly ics: string | null
}

/** An empty form. @param timeZone of this browser */
export const emptyDraft = (timeZone: string): Draft => ({
  kind: 'once',
  room: '',
  title: '',
  language: '',
  startAt: '',
  minutes: '60',
  cron: '0 9 * * 1-5',
  timeZone,
  url: '',
  ics: null,
})

const given = (name: string, text: string): object => (text.trim() === '' ? {} : { [name]: text.trim() })

/**
 * The body that the API takes; what was left empty is left out.
 * @param toIso the time that this browser's clock means, as ISO-8601
 */
export function bodyOf(draft: Draft, toIso: (local: string) => string): object {
  const common = { kind: draft.kind, ...given('room', draft.room), ...given('title', draft.title), ...given('language', draft.language) }
  const durationSec = Math.round(Number(draft.minutes) * 60)
  const lasting = Number.isFinite(durationSec) && durationSec > 0 ? { durationSec } : {}
  if (draft.kind === 'once') return { ...common, ...(draft.startAt === '' ? {} : { startAt: toIso(draft.startAt) }), ...lasting }
  if (draft.kind === 'cron') return { ...common, ...given('cron', draft.cron), ...given('timeZone', draft.timeZone), ...lasting }
  return { ...common, ...given('url', draft.url), ...given('timeZone', draft.timeZone) }
}

/** Whether enough is there to ask the server. */
export function isWhole(draft: Draft): boolean {
  if (draft.kind === 'ics') return draft.url.trim() !== '' || draft.ics !== null
  return draft.room.trim() !== '' && (draft.kind === 'once' ? draft.startAt : draft.cron.trim()) !== ''
}
