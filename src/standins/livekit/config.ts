/** Ports that one development server listens on, all on the loopback interface. */
export interface LivekitPorts {
  /** signalling and HTTP API, TCP */
  readonly http: number
  /** media over TCP */
  readonly tcp: number
  /** media over UDP, one port for all */
  readonly udp: number
}

/** What a development server's configuration depends on. */
export interface LivekitConfigOptions {
  readonly ports: LivekitPorts
  readonly apiKey: string
  /** at least 32 characters, or the server complains */
  readonly apiSecret: string
  /** where webhooks are posted; none when absent */
  readonly webhookUrl?: string | undefined
  /** seconds until a room that nobody entered is closed */
  readonly emptyTimeoutSec: number
  /** seconds until a room that everybody left is closed */
  readonly departureTimeoutSec: number
}

/**
 * The configuration of a one-machine server, as JSON (which is YAML). The server refuses unknown keys.
 * `node_ip` set to loopback also keeps it from asking public STUN servers; loopback candidates are off by default.
 * Source: livekit-server 1.13.5, pkg/config and mediatransportutil/pkg/rtcconfig
 */
export function livekitConfig(options: LivekitConfigOptions): string {
  const { ports, apiKey, apiSecret, webhookUrl } = options
  return JSON.stringify({
    port: ports.http,
    bind_addresses: ['127.0.0.1'],
    rtc: {
      udp_port: ports.udp,
      tcp_port: ports.tcp,
      use_external_ip: false,
      node_ip: '127.0.0.1',
      enable_loopback_candidate: true,
    },
    room: { auto_create: true, empty_timeout: options.emptyTimeoutSec, departure_timeout: options.departureTimeoutSec },
    keys: { [apiKey]: apiSecret },
    ...(webhookUrl === undefined ? {} : { webhook: { api_key: apiKey, urls: [webhookUrl] } }),
    logging: { level: 'warn' },
  })
}
