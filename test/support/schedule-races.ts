import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { toError } from '../../src/core/errors.js'
import { systemClock } from '../../src/core/time.js'
import { silentLogger } from '../../src/observe/logger.js'
import { openStore, type OpenStore } from '../../src/records/sql/open.js'
import { seeded } from './marks-audio.js'
import { postgresBinaries, startPostgres } from './postgres.js'
import { draftAt, scheduleRequest } from './schedule-requests.js'
import { until } from './until.js'

/** What came of the races. */
export interface RaceReport {
  /** occurrences that were raced for */
  readonly races: number
  /** meetings beyond one for an occurrence; a meeting has one work, and so one bot, by its key */
  readonly doubled: number
  /** occurrences without a meeting, or whose meeting nobody attends */
  readonly missed: number
  /** stores that were closed and opened again, and sessions that the server ended in the middle of a look; null on the embedded database */
  readonly broken: { readonly reopened: number; readonly ended: number } | null
}

const PER_SECOND = 25
const BATCH = 10
const ATTEMPTS = 5
const START_MS = Date.UTC(2030, 0, 7, 9)

/**
 * Several stores, as so many `serve` processes, look at the same seconds at once and start what is due, while some of them are closed and
 * opened again and the server ends sessions in the middle of their work. Each meeting is over at once, so that nothing but the occurrence
 * itself stands against a second one for it.
 * On PostgreSQL where it is installed, each store with a pool of its own; else on the embedded database, which has one process: there the
 * stores are so many callers, and nothing is restarted.
 */
export async function races(options: { readonly count: number; readonly stores: number; readonly seed: number }): Promise<RaceReport> {
  const binaries = postgresBinaries()
  const folder = mkdtempSync(join(tmpdir(), 'roomscribe-races-'))
  const server = binaries === undefined ? null : await startPostgres(binaries)
  const open = () => openStore({ databaseUrl: server?.url ?? null, dataDir: folder, clock: systemClock, logger: silentLogger })
  const first = await open()
  try {
    await planned(first, options.count)
    const broken = server ? await race(first, open, server.url, options) : await together(first, options)
    return { ...(await counted(first, options.count)), broken }
  } finally {
    await first.close()
    await server?.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function planned({ schedules }: OpenStore, count: number): Promise<void> {
  for (let from = 0; from < count; from += 500) {
    const schedule = await schedules.create(scheduleRequest(), START_MS - 1_000)
    const drafts = Array.from({ length: Math.min(500, count - from) }, (_, at) => {
      const n = from + at
      return draftAt(`event/${n}`, START_MS + Math.floor(n / PER_SECOND) * 1_000)
    })
    await schedules.plan(schedule, { drafts, untilAt: new Date(START_MS + 1e9).toISOString(), unreadable: [] }, START_MS - 1_000)
  }
}

/** One store's turn at a second: it starts what is due, and the meetings that it made are over. */
async function turn({ schedules, pool }: OpenStore, nowMs: number): Promise<void> {
  for (;;) {
    const started = await schedules.startDue(nowMs, BATCH)
    const made = started.flatMap(({ isOwn, meetingId }) => (isOwn && meetingId !== null ? [meetingId] : []))
    // the bot came, which its work says, and went
    await pool.query(
      "UPDATE roomscribe.meeting m SET bot_name = 'came' FROM roomscribe.work w WHERE m.id = ANY($1::uuid[]) AND w.meeting_id = m.id",
      [made],
    )
    await pool.query("UPDATE roomscribe.meeting SET state = 'done' WHERE id = ANY($1::uuid[])", [made])
    if (started.length < BATCH) return
  }
}

/** A session may be ended under whoever uses it: what it had done is done, or not at all; it looks again, as the scheduler does. */
async function lasting(run: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await run()
      return
    } catch (thrown) {
      if (attempt === ATTEMPTS) throw toError(thrown)
    }
  }
}

async function together(store: OpenStore, { count, stores }: { count: number; stores: number }): Promise<null> {
  for (let second = 0; second <= count / PER_SECOND; second++) {
    await Promise.all(Array.from({ length: stores }, () => turn(store, START_MS + second * 1_000)))
  }
  return null
}

async function race(
  watcher: OpenStore,
  open: () => Promise<OpenStore>,
  url: string,
  { count, stores, seed }: { count: number; stores: number; seed: number },
): Promise<{ reopened: number; ended: number }> {
  const random = seeded(seed)
  const killer = new Client({ connectionString: url })
  await killer.connect()
  const broken = { reopened: 0, ended: 0 }
  const opened = await Promise.all(Array.from({ length: stores }, () => open()))
  try {
    for (let second = 0; second <= Math.ceil(count / PER_SECOND); second++) {
      const nowMs = START_MS + second * 1_000
      const isKilled = random() < 0.1 && second * PER_SECOND < count
      // whoever starts something waits for this in the middle of it
      if (isKilled) await killer.query('BEGIN; LOCK TABLE roomscribe.meeting IN SHARE ROW EXCLUSIVE MODE')
      const turns = opened.map(async (store, at) => {
        await lasting(() => turn(store, nowMs))
        if (random() < 0.02) {
          broken.reopened++
          await store.close()
          opened[at] = await open()
        }
      })
      if (isKilled) {
        const before = broken.ended
        await until(async () => {
          // a transaction sees who is there as at its first look
          await killer.query('SELECT pg_stat_clear_snapshot()')
          const ended = await killer.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE application_name = 'roomscribe' AND query LIKE '%start_due%' AND wait_event_type = 'Lock' LIMIT 2`,
          )
          broken.ended += ended.rowCount ?? 0
          return broken.ended > before
        })
        await killer.query('COMMIT')
      }
      await Promise.all(turns)
    }
    // whoever was interrupted in the last second looks once more
    await turn(watcher, START_MS + (Math.ceil(count / PER_SECOND) + 1) * 1_000)
  } finally {
    await killer.end()
    await Promise.all(opened.map((store) => store.close()))
  }
  return broken
}

async function counted({ pool }: OpenStore, count: number): Promise<Omit<RaceReport, 'broken'>> {
  const { rows } = await pool.query<{ meetings: string; attended: string }>(`
    SELECT (SELECT count(*) FROM roomscribe.meeting) AS meetings,
      (SELECT count(DISTINCT o.id) FROM roomscribe.occurrence o JOIN roomscribe.meeting m ON m.id = o.meeting_id
        LEFT JOIN roomscribe.work w ON w.meeting_id = m.id AND w.kind = 'attend'
        WHERE o.state = 'started' AND (m.bot_name = 'came' OR w.kind IS NOT NULL)) AS attended`)
  const [row] = rows
  return { races: count, doubled: Math.max(0, Number(row?.meetings) - count), missed: count - Number(row?.attended) }
}
