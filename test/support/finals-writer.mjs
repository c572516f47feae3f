/**
 * A process of its own whose journal says finals for ever, while its store never answers; prints the id of each that it was told is
 * kept. Plain JavaScript on the compiled code: Node 20 runs no TypeScript. Arguments: folder of the logs, meeting id, epoch, rounds.
 */
import { systemClock } from '../../dist/core/time.js'
import { Journal } from '../../dist/live/bot/journal.js'
import { silentLogger } from '../../dist/observe/logger.js'
import { FinalsFolder } from '../../dist/records/finals/finals-folder.js'

const [folder, meetingId, epoch, rounds] = process.argv.slice(2)
// the shell that bounds the size of files would have the first byte beyond it end the process
process.on('SIGXFSZ', () => undefined)
const never = new Promise(() => undefined)
let kept = 0
let isRefused = false
const isBehind = (said) => said - kept > 10 && !isRefused
const journal = new Journal(
  {
    store: { appendSegments: () => never, saveSpans: () => never },
    logs: new FinalsFolder(folder, silentLogger),
    claim: { meetingId, epoch: Number(epoch) },
    clock: systemClock,
    logger: {
      ...silentLogger,
      warn: (facts) => {
        isRefused = true
        process.stdout.write(`refused ${facts.err?.code}\n`)
      },
    },
    random: Math.random,
  },
  {
    stored: ({ utteranceId }) => {
      kept++
      process.stdout.write(`${utteranceId}\n`)
    },
    gapStored: () => undefined,
    claimLost: () => undefined,
  },
)
await journal.open()
for (let n = 0; n < Number(rounds); n++) {
  const utteranceId = `${epoch}-${n}`
  const place = { sessionId: `session ${epoch}`, channel: n % 8, utteranceId, part: 0 }
  const spoken = { identity: 'ana', startMs: n, endMs: n, text: 'x'.repeat(n % 500), words: [], language: null, confidence: 1 }
  journal.span({ ...place, fromFrame: 0, toFrame: n + 1, trackKey: 'ana/microphone', identity: 'ana', meetingMs: 0 })
  journal.segments([{ id: `${epoch}/${n}`, ...spoken, ...place }])
  // now and then several go into one write; a slow disk does not get all of them in one
  if (n % 3 === 0) await new Promise((resolve) => setImmediate(resolve))
  while (isBehind(n)) await new Promise((resolve) => setImmediate(resolve))
}
await systemClock.sleep(60_000)
