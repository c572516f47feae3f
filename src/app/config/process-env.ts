import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { ConfigError } from '../../core/errors.js'
import { livekitProblems, readSettings, sharedProblems, type Settings } from './settings.js'

/** Settings of this process, with every problem at once. */
export function processSettings(): { settings: Settings; problems: readonly string[] } {
  return readSettings(process.env, (path) => readFileSync(path, 'utf8'))
}

/**
 * Settings that are right, or none at all.
 * @param needs `livekit`: the command joins rooms; `shared`: it shares its work with other processes
 * @throws ConfigError every problem, one sentence each
 */
export function settingsFor(...needs: readonly ('livekit' | 'shared' | 'nothing')[]): Settings {
  const { settings, problems } = processSettings()
  const all = [
    ...problems,
    ...(needs.includes('shared') ? sharedProblems(settings) : []),
    ...(needs.includes('livekit') ? livekitProblems(settings) : []),
  ]
  if (all.length > 0) throw new ConfigError(all)
  return settings
}

/** The environment of a process of ours: the system's variables, none of our settings or secrets but those given. */
export function childEnvironment(own: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(ROOMSCRIBE_|LIVEKIT_|GLADIA_|SLACK_|LLM_|DATABASE_URL|REDIS_URL)/.test(name),
  )
  return { ...Object.fromEntries(kept.map(([name, value]) => [name, value ?? ''])), ...own }
}

/** What is searched for programs. */
export const searchPath = (): string => process.env['PATH'] ?? ''

/** Whether text for people may carry colours (no-color.org). */
export const wantsColour = (stream: { isTTY?: boolean }): boolean => stream.isTTY === true && (process.env['NO_COLOR'] ?? '') === ''

/**
 * At least so many threads carry the tasks of rtc-node's native side. Its calls into WebRTC wait for each other while tracks are negotiated, each on a
 * thread: with two, as many as there are cores on a small machine, nobody reads the streams meanwhile, and it drops what is older than 100 ms.
 */
const MIN_NATIVE_THREADS = 8

/** Gives rtc-node's native side threads enough, unless the operator said how many; it takes them when it is asked for something for the first time. */
export function giveNativeThreads(): void {
  process.env['TOKIO_WORKER_THREADS'] ??= String(Math.max(MIN_NATIVE_THREADS, availableParallelism()))
}
