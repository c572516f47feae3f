import { createRequire } from 'node:module'

/** What is used of the YAML parser that vite brings along: tests need no other. */
interface YamlParser {
  parse(text: string, options?: { readonly merge?: boolean }): unknown
  parseAllDocuments(text: string): readonly { readonly errors: readonly Error[]; toJS(): unknown }[]
}

const here = createRequire(import.meta.url)
const parser = createRequire(here.resolve('vite'))('yaml') as YamlParser

/** One document, `<<` merged. @throws Error it is no YAML */
export const parseYaml = (text: string): unknown => parser.parse(text, { merge: true })
