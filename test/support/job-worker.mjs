// A process that takes jobs, for tests that kill it. Arguments: folder of the compiled modules, then a Redis URL, a
// PostgreSQL URL and a folder of an embedded database (`-` for those that are not meant), then a meeting to add, then `leave`:
// to close everything after the first job, and to end because nothing is left.
import process from 'node:process'
import { pathToFileURL } from 'node:url'

const [, , dist, redis, postgres, folder, meeting, mode] = process.argv
const load = (file) => import(pathToFileURL(`${dist}/${file}`).href)
const { openQueue } = await load('followup/jobs/open.js')
const { silentLogger } = await load('observe/logger.js')
const { systemClock } = await load('core/time.js')
const given = (value) => (value === '-' ? null : value)

let records = null
if (given(redis) === null) {
  const { openStore } = await load('records/sql/open.js')
  records = await openStore({ databaseUrl: given(postgres), dataDir: folder, clock: systemClock, logger: silentLogger })
}
const jobs = await openQueue({ redisUrl: given(redis), pool: records?.pool ?? null, logger: silentLogger })
const never = (id) => {
  process.stdout.write(`${id}\n`)
  return new Promise(() => undefined)
}
const leave = async (id) => {
  process.stdout.write(`${id}\n`)
  // after the job has ended
  setImmediate(() => void end())
}
async function end() {
  await workers.close(10_000)
  await jobs.close()
  await records?.close()
  process.stdout.write('closed\n')
}
const handlers = { attend: mode === 'leave' ? leave : never, finalise: never, summarise: never, deliver: never }
const workers = await jobs.startWorkers(handlers, { attendConcurrency: 4 })
if (meeting !== undefined) await jobs.queue.attend(meeting)
