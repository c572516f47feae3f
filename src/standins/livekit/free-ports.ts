import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import type { LivekitPorts } from './config.js'

/**
 * Three ports that are free on loopback at this moment. They are held together, so they differ, and released
 * before this resolves: another process may take one before the server binds, so starting has to be retried.
 */
export async function freeLivekitPorts(): Promise<LivekitPorts> {
  const [http, tcp, udp] = await Promise.all([holdTcp(), holdTcp(), holdUdp()])
  await Promise.all([http.release(), tcp.release(), udp.release()])
  return { http: http.port, tcp: tcp.port, udp: udp.port }
}

interface HeldPort {
  readonly port: number
  release(): Promise<void>
}

function holdTcp(): Promise<HeldPort> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address ? address.port : 0
      resolve({ port, release: () => new Promise((done) => server.close(() => done())) })
    })
  })
}

function holdUdp(): Promise<HeldPort> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4')
    socket.once('error', reject)
    socket.bind(0, '127.0.0.1', () => {
      resolve({ port: socket.address().port, release: () => new Promise((done) => socket.close(() => done())) })
    })
  })
}
