import { SlackRefusal, type SlackBlock, type SlackPost, type Workspace } from './workspace.js'

/** Arguments of a call, as text; objects come as JSON in them. */
export type SlackArguments = ReadonlyMap<string, string>
type Method = (workspace: Workspace, args: SlackArguments, context: MethodContext) => Record<string, unknown>

/** What a method needs beside the workspace. */
export interface MethodContext {
  /** base address of the server, without a slash at the end */
  readonly origin: string
  readonly onPost: (post: SlackPost) => void
}

const PAGE_SIZE = 100

/** The methods of the Web API that the stand-in knows. */
export const METHODS: Readonly<Record<string, Method>> = {
  'auth.test': () => ({
    url: 'https://standin.slack.example/',
    team: 'Stand-in',
    user: 'roomscribe',
    user_id: 'U00000001',
    bot_id: 'B00000001',
  }),
  'chat.postMessage': (workspace, args, context) => {
    const post = workspace.post(required(args, 'channel', 'channel_not_found'), {
      threadTs: args.get('thread_ts') ?? null,
      text: args.get('text') ?? '',
      blocks: blocksOf(args),
      metadata: jsonOf(args, 'metadata', 'invalid_metadata_format'),
      files: [],
    })
    context.onPost(post)
    return { channel: post.channel, ts: post.ts, message: rendered(post, true) }
  },
  'chat.update': (workspace, args) => {
    const text = args.get('text')
    const post = workspace.update(required(args, 'channel', 'channel_not_found'), required(args, 'ts', 'message_not_found'), {
      ...(text === undefined ? {} : { text }),
      ...(args.has('blocks') ? { blocks: blocksOf(args) } : {}),
    })
    return { channel: post.channel, ts: post.ts, text: post.text }
  },
  'conversations.list': (workspace, args) => page(workspace.channels, args, 'channels'),
  'conversations.info': (workspace, args) => ({ channel: workspace.channel(required(args, 'channel', 'channel_not_found')) }),
  'conversations.history': (workspace, args) => {
    const { id } = workspace.channel(required(args, 'channel', 'channel_not_found'))
    const within = (post: SlackPost) =>
      Number(post.ts) >= Number(args.get('oldest') ?? 0) && Number(post.ts) <= Number(args.get('latest') ?? Infinity)
    const posts = workspace.posts.filter((post) => post.channel === id && post.threadTs === null && within(post)).toReversed()
    return page(
      posts.map((post) => rendered(post, args.get('include_all_metadata') === 'true')),
      args,
      'messages',
    )
  },
  'conversations.replies': (workspace, args) => {
    const { id } = workspace.channel(required(args, 'channel', 'channel_not_found'))
    const ts = required(args, 'ts', 'thread_not_found')
    workspace.find(id, ts, 'thread_not_found')
    const posts = workspace.posts.filter((post) => post.channel === id && (post.ts === ts || post.threadTs === ts))
    return page(
      posts.map((post) => rendered(post, args.get('include_all_metadata') === 'true')),
      args,
      'messages',
    )
  },
  'files.getUploadURLExternal': (workspace, args, context) => {
    const id = workspace.reserveFile(required(args, 'filename', 'invalid_arguments'))
    return { upload_url: `${context.origin}/upload/${id}`, file_id: id }
  },
  'files.completeUploadExternal': (workspace, args, context) => {
    const listed = jsonOf(args, 'files', 'invalid_arguments')
    if (!Array.isArray(listed)) throw new SlackRefusal('invalid_arguments')
    const files = (listed as { id?: string; title?: string }[]).map(({ id = '', title }) =>
      title === undefined ? workspace.file(id) : workspace.titleFile(id, title),
    )
    const channel = args.get('channel_id')
    if (channel !== undefined) {
      const text = args.get('initial_comment') ?? ''
      const post = workspace.post(channel, { threadTs: args.get('thread_ts') ?? null, text, blocks: [], metadata: undefined, files })
      context.onPost(post)
    }
    return { files: files.map(({ id, title }) => ({ id, title })) }
  },
}

function required(args: SlackArguments, name: string, error: string): string {
  const value = args.get(name)
  if (value === undefined || value === '') throw new SlackRefusal(error)
  return value
}

function jsonOf(args: SlackArguments, name: string, error: string): unknown {
  const text = args.get(name)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    throw new SlackRefusal(error)
  }
}

function blocksOf(args: SlackArguments): readonly SlackBlock[] {
  const blocks = jsonOf(args, 'blocks', 'invalid_blocks_format') ?? []
  if (!Array.isArray(blocks)) throw new SlackRefusal('invalid_blocks_format')
  return blocks as SlackBlock[]
}

function rendered(post: SlackPost, withMetadata: boolean): Record<string, unknown> {
  return {
    type: 'message',
    ts: post.ts,
    bot_id: 'B00000001',
    text: post.text,
    ...(post.threadTs === null ? {} : { thread_ts: post.threadTs }),
    ...(post.blocks.length > 0 ? { blocks: post.blocks } : {}),
    ...(withMetadata && post.metadata !== undefined ? { metadata: post.metadata } : {}),
    ...(post.files.length > 0 ? { files: post.files.map(({ id, name, title }) => ({ id, name, title })) } : {}),
  }
}

function page(items: readonly unknown[], args: SlackArguments, name: string): Record<string, unknown> {
  const from = Number(args.get('cursor') ?? 0)
  const limit = Math.min(Number(args.get('limit') ?? PAGE_SIZE), 1_000)
  const next = from + limit < items.length ? String(from + limit) : ''
  return { [name]: items.slice(from, from + limit), has_more: next !== '', response_metadata: { next_cursor: next } }
}
