/**
 * A process of its own that a speech session's audio comes to while nobody acknowledges any; prints the number of frames that are on disk
 * for certain. Plain JavaScript on the compiled code: Node 20 runs no TypeScript. Arguments: folder of the spool, meeting id, session id,
 * frames in all.
 */
import { systemClock } from '../../dist/core/time.js'
import { Spool } from '../../dist/live/stt/spool/spool.js'
import { silentLogger } from '../../dist/observe/logger.js'

const [folder, meetingId, sessionId, frames] = process.argv.slice(2)
// the shell that bounds the size of files would have the first byte beyond it end the process
process.on('SIGXFSZ', () => undefined)
const CHANNELS = 2
const BLOCK = 800
/** the largest record: one is counted as used while it is being written */
const RECORD_BYTES = 256 * 1024 + 64
const say = (text) => process.stdout.write(`${text}\n`)
const logger = { ...silentLogger, error: (facts) => say(`refused ${facts.err?.code}`) }
const spool = new Spool({ folder, maxBytes: 2 ** 30, clock: systemClock, logger })
const buffer = spool.buffer(meetingId, sessionId, CHANNELS, 8 * 2 ** 20)
buffer.relabel({ vendorId: 'vendor' })
for (let from = 0; from < Number(frames); from += BLOCK) {
  buffer.push(Int16Array.from({ length: BLOCK * CHANNELS }, (_, at) => Math.imul(from * CHANNELS + at, 40_503) >> 8))
  if (from % (BLOCK * 20) > 0) continue
  await systemClock.sleep(1)
  say(Math.max(0, Math.floor((spool.usedBytes - RECORD_BYTES) / (CHANNELS * 2.01))))
}
// what could not be written is tried again while audio comes: there is none any more
for (let tries = 0; tries < 20 && !(await buffer.leave()); tries++) await systemClock.sleep(100)
say('left')
await systemClock.sleep(60_000)
