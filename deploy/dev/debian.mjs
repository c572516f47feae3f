import { readdir, rm, stat, writeFile } from 'node:fs/promises'
import { isExecutable, onPath, run } from './run.mjs'

/** What only the tests need: any of the programs will do. */
const NEEDED = [
  { name: 'redis-server', programs: ['redis-server'], brew: 'redis' },
  { name: 'postgresql', programs: ['initdb'], brew: 'postgresql' },
  { name: 'chromium', programs: ['chromium', 'chromium-browser', 'google-chrome'], brew: '--cask chromium' },
]
/** Debian starts what it installs, unless this file says no. */
const POLICY = '/usr/sbin/policy-rc.d'

/**
 * Redis, PostgreSQL and Chromium for the tests: installed when we are root on Debian, else named.
 * @param {import('./setup.mjs').Context} context
 * @returns {Promise<string>} what is there
 * @throws {Error} one sentence with the command
 */
export async function debian(context) {
  const missing = await missingPrograms(context.env)
  if (missing.length === 0) return NEEDED.map(({ name }) => name).join(', ')
  const names = missing.map(({ name }) => name).join(' ')
  const apt = await onPath('apt-get', context.env)
  if (apt === undefined || process.getuid?.() !== 0) throw new Error(howTo(missing, process.platform, apt !== undefined))
  context.working(`apt-get install ${names}`)
  const env = { ...context.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const updated = await run(apt, ['update', '-q'], { env })
  if (updated.code !== 0) throw new Error(`apt-get update failed; its last lines:\n${updated.last}`)
  const installed = await withoutServices(() => run(apt, ['install', '-y', '-q', '--no-install-recommends', ...names.split(' ')], { env }))
  if (installed.code !== 0) throw new Error(`apt-get install ${names} failed; its last lines:\n${installed.last}`)
  const still = await missingPrograms(context.env)
  if (still.length > 0)
    throw new Error(`apt-get installed ${names}, but there is no ${still.flatMap(({ programs }) => programs).join(', ')}`)
  return `installed ${names}`
}

async function missingPrograms(env) {
  const missing = []
  for (const need of NEEDED) {
    const found = await Promise.all(need.programs.map((program) => onPath(program, env)))
    if (found.some((path) => path !== undefined) || (need.name === 'postgresql' && (await hasDebianPostgres()))) continue
    missing.push(need)
  }
  return missing
}

/** Debian keeps the server's programs off the PATH, a folder a version. */
async function hasDebianPostgres() {
  const root = '/usr/lib/postgresql'
  const versions = await readdir(root).catch(() => [])
  const found = await Promise.all(versions.map((version) => isExecutable(`${root}/${version}/bin/initdb`)))
  return found.includes(true)
}

async function withoutServices(work) {
  const isOurs = await stat(POLICY).then(
    () => false,
    () => true,
  )
  if (isOurs) await writeFile(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    return await work()
  } finally {
    if (isOurs) await rm(POLICY, { force: true })
  }
}

/**
 * @param {readonly { name: string, brew: string }[]} missing
 * @param {string} platform
 * @param {boolean} hasApt
 * @returns {string}
 */
export function howTo(missing, platform, hasApt) {
  const names = missing.map(({ name }) => name)
  const start = `the tests need ${names.join(', ')}`
  if (platform === 'darwin') return `${start}: ${missing.map(({ brew }) => `brew install ${brew}`).join(' && ')}`
  if (hasApt) return `${start}: sudo apt-get install --no-install-recommends ${names.join(' ')}`
  return `${start}: install them with this system's package manager`
}
