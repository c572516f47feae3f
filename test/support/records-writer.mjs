/**
 * A process of its own that opens the store and, told so, appends segments for ever, printing the number of each that was
 * acknowledged. Plain JavaScript on the compiled code: Node 20 runs no TypeScript.
 * Arguments: data directory, database URL or '-', room, 'append' or 'open'. Prints one JSON object a line.
 */
import { systemClock } from '../../dist/core/time.js'
import { silentLogger } from '../../dist/observe/logger.js'
import { openStore } from '../../dist/records/sql/open.js'

const [dataDir, url, room, mode] = process.argv.slice(2)
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)

try {
  const { store, close } = await openStore({ databaseUrl: url === '-' ? null : url, dataDir, clock: systemClock, logger: silentLogger })
  const asked = { room, title: null, language: null, vocabulary: [], slackChannel: null, startAt: null, endAt: null, botName: null }
  const { meeting } = await store.create(asked)
  say({ meeting: meeting.id })
  if (mode === 'append') {
    const claim = await store.claim(meeting.id)
    for (let n = 1; ; n++) {
      const utteranceId = String(n)
      const place = { sessionId: 'writer', channel: 0, utteranceId, part: 0 }
      const spoken = { identity: 'ana', startMs: n, endMs: n, text: utteranceId, words: [], language: null, confidence: 1 }
      const [stored] = await store.appendSegments(claim, [{ id: `writer/${n}`, ...spoken, ...place }])
      // not stored: another process of this name stored it before
      if (stored) say({ seq: stored.seq })
    }
  }
  await close()
  say({ closed: true })
} catch (error) {
  say({ error: error.name, message: error.message })
}
