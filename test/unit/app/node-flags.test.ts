import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { NODE_FLAGS } from '../../../src/app/node-flags.js'

test('the command as installed starts Node with the same flags as `npm start`', () => {
  const [first] = readFileSync(new URL('../../../src/cli/main.ts', import.meta.url), 'utf8').split('\n')
  expect(first).toBe(`#!/usr/bin/env -S node ${NODE_FLAGS.join(' ')}`)
})

test('so does the image', () => {
  const image = readFileSync(new URL('../../../deploy/Dockerfile', import.meta.url), 'utf8')
  const command = ['/usr/bin/tini', '--', 'node', ...NODE_FLAGS, '/app/dist/cli/main.js']
  expect(image.split('\n')).toContain(`ENTRYPOINT [${command.map((word) => JSON.stringify(word)).join(', ')}]`)
})
