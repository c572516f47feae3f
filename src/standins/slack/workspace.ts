import type { Clock } from '../../core/time.js'

/** A file as uploaded. */
export interface SlackFile {
  readonly id: string
  readonly name: string
  readonly title: string
  readonly content: string
}

/** A message that was posted. `ts` is Slack's id of it within the channel. */
export interface SlackPost {
  readonly channel: string
  readonly channelName: string
  readonly ts: string
  readonly threadTs: string | null
  readonly text: string
  readonly blocks: readonly SlackBlock[]
  readonly metadata: unknown
  readonly files: readonly SlackFile[]
}

/** The part of a block that the stand-in looks at. */
export interface SlackBlock {
  readonly type: string
  readonly text?: { readonly type: string; readonly text: string }
  readonly elements?: readonly { readonly text?: string }[]
}

/** A method's failure, as Slack names it. */
export class SlackRefusal extends Error {}

const MAX_POSTS = 10_000
const MAX_FILES = 1_000
/** documented limits; the last was found by others (bolt-js issue 2509) */
const LIMITS = { blocks: 50, section: 3_000, header: 150, text: 40_000, allBlocks: 13_200 }

/** Channels, messages and files, kept in memory; the oldest messages and files go when there are too many. */
export class Workspace {
  readonly #clock: Clock
  readonly #channels: { id: string; name: string }[]
  readonly #posts: SlackPost[] = []
  readonly #files = new Map<string, SlackFile>()
  #sequence = 0

  constructor(clock: Clock, channels: readonly string[]) {
    this.#clock = clock
    this.#channels = channels.map((name, index) => ({ id: `C${String(index + 1).padStart(8, '0')}`, name }))
  }

  get channels(): readonly { readonly id: string; readonly name: string }[] {
    return this.#channels
  }

  /** all messages, oldest first */
  get posts(): readonly SlackPost[] {
    return this.#posts
  }

  /** @param wanted an id, a name, or a name with `#` */
  channel(wanted: string): { readonly id: string; readonly name: string } {
    const name = wanted.replace(/^#/, '')
    const found = this.#channels.find((channel) => channel.id === wanted || channel.name === name)
    if (!found) throw new SlackRefusal('channel_not_found')
    return found
  }

  post(wanted: string, message: Omit<SlackPost, 'channel' | 'channelName' | 'ts'>): SlackPost {
    const channel = this.channel(wanted)
    checkLimits(message.text, message.blocks)
    if (message.text === '' && message.blocks.length === 0 && message.files.length === 0) throw new SlackRefusal('no_text')
    if (message.threadTs !== null) this.find(channel.id, message.threadTs, 'thread_not_found')
    const post = { ...message, channel: channel.id, channelName: channel.name, ts: this.#nextTs() }
    this.#posts.push(post)
    if (this.#posts.length > MAX_POSTS) this.#posts.shift()
    return post
  }

  update(wanted: string, ts: string, change: Partial<Pick<SlackPost, 'text' | 'blocks' | 'metadata'>>): SlackPost {
    const old = this.find(this.channel(wanted).id, ts, 'message_not_found')
    const post = { ...old, ...change }
    checkLimits(post.text, post.blocks)
    this.#posts[this.#posts.indexOf(old)] = post
    return post
  }

  find(channel: string, ts: string, error: string): SlackPost {
    const post = this.#posts.find((one) => one.channel === channel && one.ts === ts)
    if (!post) throw new SlackRefusal(error)
    return post
  }

  /** An id for a file that is about to be uploaded. */
  reserveFile(name: string): string {
    const id = `F${String((this.#sequence += 1)).padStart(8, '0')}`
    this.#files.set(id, { id, name, title: name, content: '' })
    const [oldest] = this.#files.keys()
    if (this.#files.size > MAX_FILES && oldest !== undefined) this.#files.delete(oldest)
    return id
  }

  storeFile(id: string, content: string): void {
    this.#files.set(id, { ...this.file(id), content })
  }

  titleFile(id: string, title: string): SlackFile {
    const file = { ...this.file(id), title }
    this.#files.set(id, file)
    return file
  }

  file(id: string): SlackFile {
    const file = this.#files.get(id)
    if (!file) throw new SlackRefusal('file_not_found')
    return file
  }

  #nextTs(): string {
    return `${Math.floor(this.#clock.nowMs() / 1000)}.${String((this.#sequence += 1)).padStart(6, '0')}`
  }
}

function checkLimits(text: string, blocks: readonly SlackBlock[]): void {
  if (text.length > LIMITS.text) throw new SlackRefusal('msg_too_long')
  if (blocks.length > LIMITS.blocks) throw new SlackRefusal('invalid_blocks')
  let all = 0
  for (const block of blocks) {
    const length = block.text?.text.length ?? 0
    if (block.type === 'section' && length > LIMITS.section) throw new SlackRefusal('invalid_blocks')
    if (block.type === 'header' && length > LIMITS.header) throw new SlackRefusal('invalid_blocks')
    all += length + (block.elements ?? []).reduce((sum, element) => sum + (element.text?.length ?? 0), 0)
  }
  if (all > LIMITS.allBlocks) throw new SlackRefusal('msg_blocks_too_long')
}
