/**
 * A process of its own on an embedded database whose files may suddenly not grow any more: while they may not, a journal says finals; then
 * they may again. Prints one JSON line. Plain JavaScript on the compiled code. Argument: the data folder.
 */
import { execFileSync } from 'node:child_process'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../dist/core/time.js'
import { Journal } from '../../dist/live/bot/journal.js'
import { silentLogger } from '../../dist/observe/logger.js'
import { FinalsFolder } from '../../dist/records/finals/finals-folder.js'
import { openStore } from '../../dist/records/sql/open.js'

// the system would end the process at the first byte beyond its limit
process.on('SIGXFSZ', () => undefined)
const [folder] = process.argv.slice(2)
const told = []
const lines = []
const logger = {
  ...silentLogger,
  info: (_, message) => lines.push(message),
  warn: (_, message) => lines.push(message),
  error: (_, message) => lines.push(message),
}
const limit = (bytes) => execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:`])
const { store, close } = await openStore({ databaseUrl: null, dataDir: folder, clock: systemClock, logger })
const request = { title: null, language: null, vocabulary: [], slackChannel: null, startAt: null, endAt: null, botName: null }
const { meeting } = await store.create({ room: 'full', ...request })
const claim = await store.claim(meeting.id)
const journal = new Journal(
  { store, logs: new FinalsFolder(`${folder}/finals`, logger), claim, clock: systemClock, logger, random: Math.random },
  { stored: ({ utteranceId }) => told.push(utteranceId), gapStored: () => undefined, claimLost: () => undefined },
)
await journal.open()
let n = 0
const say = (count) =>
  journal.segments(
    Array.from({ length: count }, () => {
      const place = { sessionId: 's', channel: 0, utteranceId: `u${n}`, part: 0 }
      const spoken = { identity: 'ana', startMs: n, endMs: n + 1, text: 'x'.repeat(5_000), words: [], language: null, confidence: 1 }
      return { id: `s/${n++}`, ...place, ...spoken }
    }),
  )
say(10)
await journal.flush()
// neither the database nor the log of finals has room for what comes
limit(64 * 1024)
for (let round = 0; round < 20; round++) {
  say(10)
  await sleep(50)
}
const toldWhileFull = told.length
const isAnswering = await store.ping().then(
  () => true,
  () => false,
)
limit('unlimited')
await journal.flush()
const stored = (await store.segments(meeting.id)).map(({ utteranceId }) => utteranceId)
const lost = await journal.close(10_000)
await close()
process.stdout.write(`${JSON.stringify({ said: n, told: told.length, toldWhileFull, stored, lost, isAnswering, lines })}\n`)
