import { LOG_LEVELS, type LogLevel } from '../../observe/logger.js'
import { editDistance } from '../../core/edit-distance.js'
import { roomPatternProblem } from '../../control/schedule/room-pattern.js'
import { cacheDir, dataDir } from './cache-dir.js'
import type { Secret } from './secret.js'
import { boolean, channels, choice, folder, integer, language, list, secret, text, url, words, type Setting } from './setting.js'

/**
 * Every setting: name, type, default, unit, one sentence. The CLI prints this table; an unknown variable with our
 * prefix is an error. Each secret, and nothing else, may be read from a file with `<NAME>_FILE`.
 */
export const SETTINGS = {
  livekitUrl: url('LIVEKIT_URL', ['ws:', 'wss:', 'http:', 'https:'], 'address of the LiveKit server, wss://... or ws://...'),
  livekitApiKey: text('LIVEKIT_API_KEY', 'key of the LiveKit server'),
  livekitApiSecret: secret('LIVEKIT_API_SECRET', 'secret of that key'),
  gladiaApiKey: secret('GLADIA_API_KEY', 'key of Gladia; without it the local recogniser is used, unless GLADIA_API_URL is set'),
  gladiaApiUrl: url(
    'GLADIA_API_URL',
    ['http:', 'https:'],
    "address used instead of Gladia's; it gets the key `local` where GLADIA_API_KEY is not set",
  ),
  gladiaRegion: choice('GLADIA_REGION', ['eu-west', 'us-west'], null, 'region that new Gladia sessions are opened in'),
  databaseUrl: url('DATABASE_URL', ['postgres:', 'postgresql:'], 'PostgreSQL; without it an embedded database in the data folder', true),
  redisUrl: url('REDIS_URL', ['redis:', 'rediss:'], 'Redis for the queue; without it the queue lives in the database', true),
  slackBotToken: secret('SLACK_BOT_TOKEN', 'bot token (xoxb-...) for posts after the meeting'),
  slackApiUrl: url('SLACK_API_URL', ['http:', 'https:'], "address used instead of Slack's"),
  slackChannel: text('ROOMSCRIBE_SLACK_CHANNEL', 'channel for meetings that name none'),
  stt: choice('ROOMSCRIBE_STT', ['gladia', 'local'], null, 'who recognises speech (default: gladia when a key is set, else local)'),
  port: integer('ROOMSCRIBE_PORT', 8080, 0, 65_535, 'port of the HTTP API; 0 binds a free one'),
  host: text('ROOMSCRIBE_HOST', 'address that the HTTP API binds', '127.0.0.1'),
  dataDir: folder(
    'ROOMSCRIBE_DATA_DIR',
    'folder of what a process keeps, also with PostgreSQL: audio not yet sent (spool/), texts not yet stored (finals/), its port, the api-key that it made; without DATABASE_URL the database',
    '`~/.local/share/roomscribe`, or in `$XDG_DATA_HOME`; macOS `~/Library/Application Support/roomscribe`',
  ),
  cacheDir: folder(
    'ROOMSCRIBE_CACHE_DIR',
    "folder of the recogniser's weights, the LiveKit development server and an empty database to copy",
    '`~/.cache/roomscribe`, or in `$XDG_CACHE_HOME`; macOS `~/Library/Caches/roomscribe`',
  ),
  apiKey: secret('ROOMSCRIBE_API_KEY', 'first admin key of the HTTP API; without it one is made and kept in the data folder'),
  logLevel: choice('ROOMSCRIBE_LOG_LEVEL', LOG_LEVELS, 'info', 'least severe log lines that are written'),
  botName: text('ROOMSCRIBE_BOT_NAME', 'name that people see in the room', 'roomscribe (transcribing)'),
  language: language('ROOMSCRIBE_LANGUAGE', 'language of meetings that name none, two or three letters; empty detects it'),
  vocabulary: list('ROOMSCRIBE_VOCABULARY', 'names and words worth knowing, separated by commas'),
  maxMeetings: integer('ROOMSCRIBE_MAX_MEETINGS', 8, 1, 16, 'meetings that one process runs at once'),
  maxSessions: integer(
    'ROOMSCRIBE_MAX_SESSIONS',
    28,
    1,
    10_000,
    'meetings that run at once in all processes together, where Gladia recognises (it allows 30 sessions, and a change of session needs two); others wait as queued',
  ),
  maxTracks: integer('ROOMSCRIBE_MAX_TRACKS', 100, 1, 10_000, 'microphones that one process hears at once; whoever comes later waits'),
  aloneSec: integer('ROOMSCRIBE_ALONE_SEC', 60, 1, 86_400, 'seconds after which the bot leaves a room that everybody left'),
  nobodySec: integer('ROOMSCRIBE_NOBODY_SEC', 900, 1, 86_400, 'seconds after which the bot leaves a room that nobody came to'),
  maxMeetingSec: integer('ROOMSCRIBE_MAX_MEETING_SEC', 14_400, 10, 172_800, 'longest meeting in seconds'),
  drainSec: integer('ROOMSCRIBE_DRAIN_SEC', 60, 1, 600, 'seconds that the end waits for the last texts'),
  shutdownSec: integer(
    'ROOMSCRIBE_SHUTDOWN_SEC',
    60,
    0,
    86_400,
    'seconds that a bot process which is to stop offers its meetings to others before it ends them',
  ),
  recycleMeetings: integer(
    'ROOMSCRIBE_RECYCLE_MEETINGS',
    200,
    0,
    100_000,
    'meetings after which a bot process gives way to a fresh one; 0 never',
  ),
  recycleMb: integer(
    'ROOMSCRIBE_RECYCLE_MB',
    1_024,
    0,
    1_000_000,
    'growth of memory in MB after which a bot process gives way to a fresh one; 0 never',
  ),
  channels: channels('ROOMSCRIBE_CHANNELS', 8, 4, 'channels of the speech session, billed each, that the people of a meeting share'),
  idleCloseSec: integer(
    'ROOMSCRIBE_IDLE_CLOSE',
    300,
    5,
    86_400,
    'seconds without speech after which the speech session is closed until somebody speaks',
  ),
  spoolMaxMb: integer(
    'ROOMSCRIBE_SPOOL_MAX',
    2048,
    16,
    1_000_000,
    'megabytes of disk for audio that the speech service has not taken; beyond them the oldest goes',
  ),
  fallback: choice(
    'ROOMSCRIBE_FALLBACK',
    ['local', 'off'],
    'off',
    'who recognises while Gladia is away or refuses: the local recogniser, or nobody',
  ),
  fallbackAfterSec: integer(
    'ROOMSCRIBE_FALLBACK_AFTER',
    60,
    5,
    3_600,
    'seconds for which Gladia cannot be reached until the local recogniser takes over',
  ),
  autoJoin: list('ROOMSCRIBE_AUTO_JOIN', 'rooms that bots join by themselves, separated by commas; * stands for any characters'),
  autoJoinPeople: integer('ROOMSCRIBE_AUTO_JOIN_PEOPLE', 1, 1, 100, 'people in a room until a bot joins by itself'),
  screenShareAudio: boolean(
    'ROOMSCRIBE_SCREEN_SHARE_AUDIO',
    false,
    "whether the sound of a shared screen is heard, under the sharer's name",
  ),
  meetingHosts: list(
    'ROOMSCRIBE_MEETING_HOSTS',
    'hosts of the links to rooms in calendars, https://host/rooms/name, separated by commas; without it any host',
  ),
  roomPatterns: words(
    'ROOMSCRIBE_ROOM_PATTERNS',
    'regular expressions with a group (?<room>...) that find rooms in calendars, in place of the one of those links',
    roomPatternProblem,
  ),
  feedHosts: list(
    'ROOMSCRIBE_FEED_HOSTS',
    'hosts inside the house, name or name:port, that calendars may be read from, separated by commas',
  ),
  feedPollSec: integer('ROOMSCRIBE_FEED_POLL', 300, 5, 86_400, 'seconds after which the feed of a calendar is read again'),
  leadSec: integer(
    'ROOMSCRIBE_LEAD',
    0,
    0,
    3_600,
    'seconds before its time at which a scheduled meeting starts its bot, where the schedule says none',
  ),
  rateLimit: integer(
    'ROOMSCRIBE_RATE_LIMIT',
    600,
    0,
    1_000_000,
    'requests a second that one key may send to one process, on average over ten seconds; 0: any number',
  ),
  captions: boolean('ROOMSCRIBE_CAPTIONS', false, 'whether live captions are sent into the room'),
} satisfies Record<string, Setting<unknown>>

/** All settings, parsed. */
export interface Settings {
  readonly livekitUrl: string | null
  readonly livekitApiKey: string | null
  readonly livekitApiSecret: Secret | null
  readonly gladiaApiKey: Secret | null
  readonly gladiaApiUrl: string | null
  readonly gladiaRegion: 'eu-west' | 'us-west' | null
  readonly databaseUrl: Secret | null
  readonly redisUrl: Secret | null
  readonly slackBotToken: Secret | null
  readonly slackApiUrl: string | null
  readonly slackChannel: string | null
  readonly stt: 'gladia' | 'local'
  readonly port: number
  readonly host: string
  readonly dataDir: string
  readonly cacheDir: string
  readonly apiKey: Secret | null
  readonly logLevel: LogLevel
  readonly botName: string
  readonly language: string | null
  readonly vocabulary: readonly string[]
  readonly maxMeetings: number
  readonly maxSessions: number
  readonly maxTracks: number
  readonly aloneSec: number
  readonly nobodySec: number
  readonly maxMeetingSec: number
  readonly drainSec: number
  readonly shutdownSec: number
  readonly recycleMeetings: number
  readonly recycleMb: number
  readonly channels: number | 'auto'
  readonly idleCloseSec: number
  readonly spoolMaxMb: number
  readonly fallback: 'local' | 'off' | null
  readonly fallbackAfterSec: number
  readonly autoJoin: readonly string[]
  readonly autoJoinPeople: number
  readonly screenShareAudio: boolean
  readonly meetingHosts: readonly string[]
  readonly roomPatterns: readonly string[]
  readonly feedHosts: readonly string[]
  readonly feedPollSec: number
  readonly leadSec: number
  readonly captions: boolean
  readonly rateLimit: number
}

type Environment = Readonly<Record<string, string | undefined>>

const PREFIX = 'ROOMSCRIBE_'

/** A name with more slips than these is not taken for another one. */
const MAX_SLIPS = 4

/** The name that somebody probably meant, by edit distance. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const letters = name.split('')
  const ranked = known
    .filter(({ length }) => Math.abs(length - name.length) <= MAX_SLIPS)
    .map((candidate) => ({ candidate, d: editDistance(letters, candidate.split('')) }))
    .toSorted((a, b) => a.d - b.d)
  return ranked[0] && ranked[0].d <= MAX_SLIPS ? ranked[0].candidate : undefined
}

/**
 * Reads every setting at once.
 * @param env usually `process.env`
 * @param readFile reads the file that a `<NAME>_FILE` variable names
 * @returns the settings, and one sentence for each problem (empty when all is well)
 */
export function readSettings(env: Environment, readFile: (path: string) => string): { settings: Settings; problems: readonly string[] } {
  const problems: string[] = []
  const names = Object.values(SETTINGS).map((setting) => setting.name)
  const values: Record<string, unknown> = {}
  for (const [key, setting] of Object.entries(SETTINGS)) {
    let raw = env[setting.name]
    const file = env[`${setting.name}_FILE`]
    if (setting.secret && file !== undefined && file !== '') {
      if (raw !== undefined && raw !== '') problems.push(`${setting.name} and ${setting.name}_FILE are both set: keep one`)
      try {
        raw = readFile(file).trim()
      } catch {
        problems.push(`${setting.name}_FILE names a file that cannot be read: ${file}`)
        raw = undefined
      }
    }
    const parsed = setting.parse(raw === undefined || raw.trim() === '' ? undefined : raw.trim())
    if ('problem' in parsed) problems.push(`${setting.name} ${parsed.problem}`)
    values[key] = 'value' in parsed ? parsed.value : setting.fallback
  }
  for (const name of Object.keys(env)) {
    if (names.includes(name)) continue
    const base = name.endsWith('_FILE') ? name.slice(0, -5) : name
    const known = Object.values(SETTINGS).find((setting) => setting.name === base)
    if (known?.secret) continue
    if (known) {
      problems.push(`${name} is not a setting of roomscribe: only secrets are read from files, set ${base} itself`)
      continue
    }
    if (!name.startsWith(PREFIX)) continue
    const hint = nearest(name, names)
    problems.push(`${name} is not a setting of roomscribe${hint === undefined ? '' : `: did you mean ${hint}?`}`)
  }
  const read = values as unknown as Omit<Settings, 'stt' | 'dataDir' | 'cacheDir'> & { stt: 'gladia' | 'local' | null }
  const stt = read.stt ?? (read.gladiaApiKey ? 'gladia' : 'local')
  if (read.autoJoin.length > 0 && livekitProblems(read).length > 0) {
    problems.push('ROOMSCRIBE_AUTO_JOIN is set, but LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET are not all set')
  }
  if (stt === 'gladia' && !read.gladiaApiKey) problems.push('ROOMSCRIBE_STT is gladia, but GLADIA_API_KEY is not set')
  return { settings: { ...read, stt, dataDir: dataDir(env), cacheDir: cacheDir(env) }, problems }
}

/** Problems of the settings that processes need which share their work with others. */
export function sharedProblems(settings: Settings): readonly string[] {
  if (settings.databaseUrl !== null) return []
  return ['DATABASE_URL is missing: `serve` and `bot` meet in one PostgreSQL; `roomscribe up` does everything in one process without it']
}

/** Problems of the settings that joining a room needs. */
export function livekitProblems(settings: Pick<Settings, 'livekitUrl' | 'livekitApiKey' | 'livekitApiSecret'>): readonly string[] {
  const missing: string[] = []
  if (settings.livekitUrl === null)
    missing.push('LIVEKIT_URL is missing: the address of your LiveKit server, for example wss://livekit.example.com')
  if (settings.livekitApiKey === null) missing.push('LIVEKIT_API_KEY is missing: a key of your LiveKit server')
  if (settings.livekitApiSecret === null) missing.push('LIVEKIT_API_SECRET is missing: the secret of that key')
  return missing
}
