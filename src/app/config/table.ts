import { SETTINGS } from './settings.js'

/** Every setting as a Markdown table: what `roomscribe settings` prints and the README holds. */
export function settingsTable(): string {
  const rows = Object.values(SETTINGS).map((setting) => {
    const fallback = Array.isArray(setting.fallback) || setting.fallback === null ? '' : `\`${String(setting.fallback)}\``
    return `| \`${setting.name}\` | ${setting.about} | ${setting.type} | ${setting.usual ?? fallback} |`
  })
  return ['| setting | what | type | default |', '|---|---|---|---|', ...rows].join('\n')
}
