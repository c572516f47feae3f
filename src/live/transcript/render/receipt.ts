import type { GapReason } from '../../audio/span.js'
import { totalOf } from '../coverage.js'
import type { Billing, CoverageRow, CoverageTotal, TranscriptDocument } from '../segment.js'
import { completeness, nameOf } from './plain.js'
import { withDistinctNames } from './speakers.js'

/** A line of the receipt: one person, or all of them. */
export interface ReceiptLine {
  /** null for all */
  readonly identity: string | null
  readonly name: string
  /** one a column */
  readonly cells: readonly string[]
  readonly hasLoss: boolean
  readonly noisy: boolean
}

/** What became of everybody's voice, laid out to be read: a table of speech, notes on it, the price. */
export interface ReceiptView {
  readonly complete: boolean
  /** one sentence */
  readonly verdict: string
  /** titles of the columns after the name */
  readonly columns: readonly string[]
  /** who spoke most comes first; those of whom there is nothing to say are in the notes */
  readonly lines: readonly ReceiptLine[]
  /** null where one line says it all */
  readonly total: ReceiptLine | null
  /** a sentence each */
  readonly notes: readonly string[]
  /** null when nothing is billed */
  readonly price: string | null
}

/** Stands behind the name of somebody who never paused. */
const NOISY_MARK = ' ~'

/** minutes, seconds and tenths of seconds: `0:07.3`; hours when there are any */
function lengthText(tenths: number): string {
  const minutes = Math.floor(Math.abs(tenths) / 600)
  const seconds = ((Math.abs(tenths) % 600) / 10).toFixed(1).padStart(4, '0')
  const sign = tenths < 0 ? '-' : ''
  return minutes < 60
    ? `${sign}${minutes}:${seconds}`
    : `${sign}${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${seconds}`
}

const tenths = (ms: number): number => Math.round(ms / 100) + 0
/** what is bad is rounded up, so that it is never shown as nothing */
const badTenths = (ms: number): number => Math.sign(ms) * Math.ceil(Math.abs(ms) / 100) + 0
const good = (ms: number): string => lengthText(tenths(ms))
const bad = (ms: number): string => (ms === 0 ? '-' : lengthText(badTenths(ms)))
const notSentTenths = (row: CoverageTotal): number => badTenths(row.lostMs) + badTenths(row.waitingMs) + badTenths(row.unaccountedMs)
/** nobody is heard for less than what of it is shown as not sent */
const heardTenths = (row: CoverageTotal): number =>
  row.sentSpeechMs < 0 ? tenths(row.speechMs) : Math.max(tenths(row.speechMs), notSentTenths(row))
/** as the columns beside it are rounded: they have to add up for whoever reads them */
const sentTenths = (row: CoverageTotal): number => heardTenths(row) - notSentTenths(row)
/** never more than was sent, and all of it only when it is */
const acknowledgedTenths = (row: CoverageTotal): number =>
  row.acknowledgedSpeechMs === row.sentSpeechMs ? sentTenths(row) : Math.min(sentTenths(row), Math.floor(row.acknowledgedSpeechMs / 100))

interface Column {
  readonly title: string
  readonly cell: (total: CoverageTotal) => string
  /** shown only where it says something */
  readonly isNeeded?: (total: CoverageTotal) => boolean
}

const COLUMNS: readonly Column[] = [
  { title: 'heard', cell: (row) => lengthText(heardTenths(row)) },
  { title: 'sent', cell: (row) => lengthText(sentTenths(row)) },
  { title: 'acknowledged', cell: (row) => lengthText(acknowledgedTenths(row)) },
  { title: 'returned', cell: (row) => good(row.returnedSpeechMs) },
  { title: 'lost', cell: (row) => bad(row.lostMs) },
  { title: 'waiting', cell: (row) => bad(row.waitingMs), isNeeded: (total) => total.waitingMs !== 0 },
  { title: 'unaccounted', cell: (row) => bad(row.unaccountedMs), isNeeded: (total) => total.unaccountedMs !== 0 },
  { title: 'longest wait', cell: (row) => bad(row.waits.maxMs), isNeeded: (total) => total.waits.maxMs !== 0 },
]

/**
 * Lays out the receipt of a transcript. People of one display name are told apart.
 * @param show makes a name fit to stand where the receipt goes
 */
export function receiptView(document: TranscriptDocument, show: (name: string) => string = (name) => name): ReceiptView {
  const { coverage, billing, complete } = withDistinctNames(document)
  const total = totalOf(coverage)
  // two rows with opposite faults must not hide them
  const columns = COLUMNS.filter(({ isNeeded }) => !isNeeded || coverage.some((row) => isNeeded(row)))
  const isSaid = (row: CoverageRow) => row.speechMs > 0 || row.returnedMs > 0 || row.unaccountedMs !== 0
  const named = (row: CoverageRow) => `${show(nameOf(row))}${row.noisy ? NOISY_MARK : ''}`
  const rows = coverage.filter((row) => isSaid(row) || row.gaps.some(({ reason }) => !isBeyond(reason)))
  const lines = rows.toSorted((a, b) => b.speechMs - a.speechMs).map((row) => lineOf(row, columns, row.identity, named(row), row.noisy))
  return {
    complete,
    verdict: completeness(document),
    columns: columns.map(({ title }) => title),
    lines,
    total: lines.length > 1 ? lineOf(total, columns, null, 'all', false) : null,
    notes: notesOf(coverage, rows, total, named),
    price: priceOf(billing),
  }
}

const lineOf = (total: CoverageTotal, columns: readonly Column[], identity: string | null, name: string, noisy: boolean): ReceiptLine => ({
  identity,
  name,
  cells: columns.map(({ cell }) => cell(total)),
  hasLoss: total.lostMs > 0 || total.waitingMs > 0 || total.unaccountedMs !== 0,
  noisy,
})

const isBeyond = (reason: GapReason): boolean => reason === 'over_capacity'

function notesOf(
  coverage: readonly CoverageRow[],
  shown: readonly CoverageRow[],
  total: CoverageTotal,
  name: (row: CoverageRow) => string,
): string[] {
  const notes: string[] = []
  if (coverage.some((row) => row.noisy)) notes.push('~ loud for a minute without a pause; if it was a voice, served after others')
  const beyond = coverage.filter((row) => row.gaps.some(({ reason }) => isBeyond(reason)))
  if (beyond.length > 0) notes.push(`Not listened to, for there were more people than roomscribe may hear: ${listed(beyond, name)}`)
  const silent = coverage.filter((row) => !shown.includes(row) && !beyond.includes(row))
  if (silent.length > 0) notes.push(`Said nothing: ${listed(silent, name)}`)
  const { maxMs, totalMs } = total.waits
  if (maxMs > 0) notes.push(`Speech waited ${bad(totalMs)} for a channel in all, ${bad(maxMs)} at most`)
  return notes
}

const LISTED = 8

function listed(rows: readonly CoverageRow[], name: (row: CoverageRow) => string): string {
  const names = rows.slice(0, LISTED).map(name).join(', ')
  return rows.length > LISTED ? `${names} and ${rows.length - LISTED} more` : names
}

function priceOf({ channelSec, speechSec, channelEachSec, perSpeechSec, ofChannelEach }: Billing): string | null {
  if (channelSec === 0) return null
  const speech = perSpeechSec === null ? 'no speech' : `${whole(speechSec)} s of speech (${perSpeechSec.toFixed(1)} x)`
  const billed = `${whole(channelSec)} channel-seconds billed for ${speech}`
  if (ofChannelEach === null) return billed
  return `${billed}; a channel for each person would have been ${whole(channelEachSec)}, so this is ${Math.round(ofChannelEach * 100)} % of it`
}

const whole = (seconds: number): string => Math.round(seconds).toLocaleString('en-US')
