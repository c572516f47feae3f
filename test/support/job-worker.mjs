// A process that takes jobs, for tests that kill it. Arguments: module of the queue, Redis URL or '-', PostgreSQL URL or '-'.
import { pathToFileURL } from 'node:url'
import process from 'node:process'

const [, , folder, redisUrl, postgresUrl] = process.argv
const load = (file) => import(pathToFileURL(`${folder}/${file}`).href)
const { openQueue } = await load('followup/jobs/open.js')
const { silentLogger } = await load('observe/logger.js')
let pool = null
if (postgresUrl !== '-') {
  const { default: pg } = await import('pg')
  pool = new pg.Pool({ connectionString: postgresUrl, max: 10 })
  pool.on('error', () => undefined)
}
const open = await openQueue({ redisUrl: redisUrl === '-' ? null : redisUrl, pool, logger: silentLogger })
const never = (id) => {
  process.stdout.write(`${id}\n`)
  return new Promise(() => undefined)
}
await open.startWorkers({ attend: never, finalise: never, summarise: never, deliver: never }, { attendConcurrency: 4 })
process.stdout.write('ready\n')
