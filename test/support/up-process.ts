import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TranscriptDocument } from '../../src/live/transcript/segment.js'
import { CliProcess } from './cli-process.js'

const KEY = 'test-key'

/** The command `up` on a data folder of its own, which outlives the process. */
export class UpProcess {
  readonly #env: Readonly<Record<string, string>>
  readonly #folder: string
  #process: CliProcess
  #url = ''

  private constructor(env: Readonly<Record<string, string>>, folder: string) {
    this.#env = { ROOMSCRIBE_PORT: '0', ROOMSCRIBE_API_KEY: KEY, ROOMSCRIBE_DATA_DIR: folder, ...env }
    this.#folder = folder
    this.#process = new CliProcess(['up'], this.#env)
  }

  static async start(env: Readonly<Record<string, string>>): Promise<UpProcess> {
    const up = new UpProcess(env, await mkdtemp(join(tmpdir(), 'roomscribe-up-')))
    await up.#ready()
    return up
  }

  /** As a power cut of the process; then the same command again. */
  async killAndStart(): Promise<void> {
    await this.#process.kill()
    await this.startAgain()
  }

  /** The same command again, after it has ended. */
  async startAgain(): Promise<void> {
    this.#process = new CliProcess(['up'], this.#env)
    await this.#ready()
  }

  get process(): CliProcess {
    return this.#process
  }

  async meeting(room: string): Promise<string> {
    return (await this.#call<{ id: string }>('POST', '/v1/meetings', { room })).id
  }

  /** Meetings of a room, newest first. */
  async list(room: string): Promise<readonly { readonly id: string; readonly state: string }[]> {
    return (await this.#call<{ items: { id: string; state: string }[] }>('GET', `/v1/meetings?room=${encodeURIComponent(room)}`)).items
  }

  async stopMeeting(id: string): Promise<void> {
    await this.#call('POST', `/v1/meetings/${id}/stop`, {})
  }

  get(path: string): Promise<{ readonly state: string }> {
    return this.#call('GET', path)
  }

  transcript(id: string): Promise<TranscriptDocument> {
    return this.#call('GET', `/v1/meetings/${id}/transcript?format=json`)
  }

  stop(): Promise<number> {
    return this.#process.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.kill()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #ready(): Promise<void> {
    const [, url] = await this.#process.line(/roomscribe ready at (\S+)/)
    this.#url = url ?? ''
  }

  async #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' }
    const response = await fetch(`${this.#url}${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as T
  }
}
