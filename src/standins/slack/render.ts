import type { SlackBlock, SlackPost } from './workspace.js'

const RULE = '-'.repeat(60)

/** A post as plain text for a terminal: channel, blocks in order, files by name and size. */
export function renderPost(post: SlackPost): string {
  const place = post.threadTs === null ? `#${post.channelName}` : `#${post.channelName}, in the thread of ${post.threadTs}`
  const body = post.blocks.length > 0 ? post.blocks.map(blockText).filter((text) => text !== '') : [plain(post.text)]
  const files = post.files.map((file) => `[file ${file.name}, ${Buffer.byteLength(file.content)} bytes]`)
  return [RULE, place, RULE, ...body, ...files].filter((line) => line !== '').join('\n')
}

function blockText(block: SlackBlock): string {
  if (block.type === 'divider') return RULE
  const own = block.text === undefined ? '' : plain(block.text.text)
  const elements = (block.elements ?? []).map((element) => plain(element.text ?? '')).join('  ')
  const text = own + elements
  return block.type === 'header' ? text.toUpperCase() : text
}

/** Takes mrkdwn's marks off, undoes Slack's escapes, and drops what could control a terminal. */
function plain(mrkdwn: string): string {
  return mrkdwn
    .replace(/(^|[\s(])([*_])(\S(?:[^\n]*?\S)?)\2(?=$|[\s).,:;!?])/gm, '$1$3')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
    .replace(/[^\P{Cc}\n\t]/gu, '')
}
