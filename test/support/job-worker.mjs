// A process that takes jobs, for tests that kill it. Arguments: folder of the compiled modules, then a Redis URL, a
// PostgreSQL URL and a folder of an embedded database (`-` for those that are not meant), then a meeting to add.
import process from 'node:process'
import { pathToFileURL } from 'node:url'

const [, , dist, redis, postgres, folder, meeting] = process.argv
const load = (file) => import(pathToFileURL(`${dist}/${file}`).href)
const { openQueue } = await load('followup/jobs/open.js')
const { silentLogger } = await load('observe/logger.js')
const { systemClock } = await load('core/time.js')
const given = (value) => (value === '-' ? null : value)

let pool = null
if (given(redis) === null) {
  const { openStore } = await load('records/sql/open.js')
  const options = { databaseUrl: given(postgres), dataDir: folder, clock: systemClock, logger: silentLogger }
  pool = (await openStore(options)).pool
}
const jobs = await openQueue({ redisUrl: given(redis), pool, logger: silentLogger })
const never = (id) => {
  process.stdout.write(`${id}\n`)
  return new Promise(() => undefined)
}
await jobs.startWorkers({ attend: never, finalise: never, summarise: never, deliver: never }, { attendConcurrency: 4 })
if (meeting !== undefined) await jobs.queue.attend(meeting)
