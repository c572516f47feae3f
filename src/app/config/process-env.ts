import { readFileSync } from 'node:fs'
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
