import { WebSocket, type ClientOptions } from 'ws'

/** What a connection uses of a WebSocket. */
export type TransportSocket = Pick<WebSocket, 'on' | 'send' | 'close' | 'terminate' | 'readyState' | 'bufferedAmount'>

/** The way to the service: the network, or a simulated one. */
export interface Transport {
  readonly fetch: typeof fetch
  connect(url: string, options: ClientOptions): TransportSocket
}

/** The network. */
export const networkTransport: Transport = {
  fetch: (input, init) => fetch(input, init),
  connect: (url, options) => new WebSocket(url, options),
}
