import { STATES, type Gap, type LiveEvent, type LiveSegment, type Meeting, type MeetingState, type Partial } from '../api/types.js'

type Fields = Readonly<Record<string, unknown>>

const isText = (value: unknown): value is string => typeof value === 'string'
const isTextOrNull = (value: unknown): value is string | null => value === null || isText(value)
const isMs = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
const isState = (value: unknown): value is MeetingState => STATES.some((state) => state === value)
const isTexts = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every(isText)

const isSpoken = (of: Fields): boolean =>
  isText(of['id']) && isTextOrNull(of['identity']) && isMs(of['startMs']) && isMs(of['endMs']) && isText(of['text'])

/**
 * One event of the live feed out of one message of its stream.
 * @returns null for what is none, or not whole: a newer server may send more than this page knows
 */
export function toLiveEvent(event: string, data: string): LiveEvent | null {
  let parsed: unknown
  try {
    parsed = JSON.parse(data)
  } catch {
    return null
  }
  if (typeof parsed !== 'object' || parsed === null) return null
  const of = parsed as Fields
  switch (event) {
    case 'state':
      return isText(of['id']) && isState(of['state']) && Array.isArray(of['participants'])
        ? { kind: 'state', meeting: parsed as unknown as Meeting }
        : null
    case 'partial':
      return isSpoken(of) ? { kind: 'partial', partial: parsed as unknown as Partial } : null
    case 'segment':
      return isSpoken(of) ? { kind: 'segment', segment: parsed as unknown as LiveSegment } : null
    case 'gap':
      return isText(of['identity']) && isMs(of['fromMs']) && isMs(of['toMs']) && isText(of['reason'])
        ? { kind: 'gap', gap: parsed as unknown as Gap }
        : null
    case 'activity':
      return isTexts(of['speaking']) && isTexts(of['waiting'])
        ? { kind: 'activity', speaking: of['speaking'], waiting: of['waiting'] }
        : null
    case 'end':
      return isState(of['state']) ? { kind: 'end', state: of['state'], reason: isText(of['reason']) ? of['reason'] : null } : null
    default:
      return null
  }
}
