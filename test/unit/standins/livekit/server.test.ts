import { describe, expect, test } from 'vitest'
import { livekitConfig } from '../../../../src/standins/livekit/config.js'
import { lostPortRace } from '../../../../src/standins/livekit/server.js'
import { OutputTail } from '../../../../src/standins/livekit/tail.js'

const base = { apiKey: 'devkey', apiSecret: 'x'.repeat(40), emptyTimeoutSec: 300, departureTimeoutSec: 20 }
const ports = { http: 1, tcp: 2, udp: 3 }

describe('the configuration', () => {
  test('media and signalling stay on loopback, on the given ports', () => {
    expect(JSON.parse(livekitConfig({ ...base, ports }))).toEqual({
      port: 1,
      bind_addresses: ['127.0.0.1'],
      rtc: { udp_port: 3, tcp_port: 2, use_external_ip: false, node_ip: '127.0.0.1', enable_loopback_candidate: true },
      room: { auto_create: true, empty_timeout: 300, departure_timeout: 20 },
      keys: { devkey: 'x'.repeat(40) },
      logging: { level: 'warn' },
    })
  })

  test('webhooks are signed with the same key', () => {
    const config = JSON.parse(livekitConfig({ ...base, ports, webhookUrl: 'http://127.0.0.1:9/hook' })) as object
    expect(config).toMatchObject({ webhook: { api_key: 'devkey', urls: ['http://127.0.0.1:9/hook'] } })
  })
})

test('only a taken port counts as a lost race', () => {
  expect(lostPortRace('listen tcp 127.0.0.1:7880: bind: address already in use')).toBe(true)
  expect(lostPortRace('could not parse config')).toBe(false)
})

test('output is kept up to its bound, the newest of it', () => {
  const tail = new OutputTail(10)
  tail.push('0123456789')
  tail.push('ab\n\ncd')
  expect(tail.text).toBe('6789ab\n\ncd')
  expect(tail.lines(2)).toEqual(['6789ab', 'cd'])
  expect(tail.lines(1)).toEqual(['cd'])
})
