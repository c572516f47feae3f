/**
 * A speech server of the bench `mixer`, in a process of its own: takes every chunk and acknowledges it as Gladia does, and recognises
 * nothing, so that it keeps up with many times real time. Prints its URL; ends with its parent.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import { newSessionId } from '../../src/core/ids.js'

const server = createServer((request, response) => {
  request.resume()
  request.on('end', () => {
    const id = newSessionId()
    response.writeHead(201, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ id, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/${id}` }))
  })
})
new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket, request) => {
  const session = request.url?.slice(1)
  let bytes = 0
  socket.on('message', (message, isBinary) => {
    if (!isBinary) return
    const range = [bytes, (bytes += (message as Buffer).length)]
    socket.send(
      JSON.stringify({
        session_id: session,
        created_at: new Date().toISOString(),
        type: 'audio_chunk',
        acknowledged: true,
        error: null,
        data: { byte_range: range, time_range: range.map((at) => at / 256_000) },
      }),
    )
  })
})
server.listen(0, '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`))
process.stdin.resume().on('end', () => {
  server.close()
  server.closeAllConnections()
})
