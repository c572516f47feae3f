import { describe, expect, test } from 'vitest'
import { isDecision, isPromise, isRealQuestion } from '../../../../src/followup/summary/cues.js'
import { assigns, ownerOf, peopleOf } from '../../../../src/followup/summary/owners.js'
import { sentencesOf } from '../../../../src/followup/summary/sentences.js'
import { transcriptOf } from '../../../support/meeting-content.js'

describe('decisions', () => {
  const yes = [
    'We decided to ship on Friday.',
    'Okay, we all agreed that the budget stays.',
    "Let's go with the blue one.",
    'We’ve settled on Tuesday.',
    "So we'll use the new server.",
    'The decision is to wait.',
  ]
  const no = [
    "We haven't decided yet.",
    'Have we agreed on the date?',
    'We need to decide soon.',
    'If we agreed to that, it would cost more.',
    'We never agreed to that.',
    "Let's go for lunch?",
    'Nothing has been decided or agreed to.',
  ]
  test.each(yes)('%s is one', (text) => expect(isDecision(text)).toBe(true))
  test.each(no)('%s is none', (text) => expect(isDecision(text)).toBe(false))
})

describe('promises', () => {
  const yes = [
    'I will send it.',
    "I'll send it.",
    'I’ll look into it',
    "I'm going to call them.",
    'I can take that.',
    'If Bob agrees, I will send it.',
  ]
  const no = [
    "I won't send it.",
    'I will not send it.',
    "I don't think I will send it.",
    'Will I send it?',
    'He asked if I will come.',
    "I'll be late tomorrow.",
    'I willingly sent it.',
    'Bob said I will do it.',
  ]
  test.each(yes)('%s is one', (text) => expect(isPromise(text)).toBe(true))
  test.each(no)('%s is none', (text) => expect(isPromise(text)).toBe(false))
})

describe('questions', () => {
  test.each(['When do we ship?', 'Which phones do our customers use?'])('%s is a real one', (text) =>
    expect(isRealQuestion(text, 5)).toBe(true),
  )
  test.each(['Can you hear me?', 'How are you?', 'When do we ship.'])('%s is none', (text) => expect(isRealQuestion(text, 4)).toBe(false))
  test('one of two words is none', () => expect(isRealQuestion('Right then?', 2)).toBe(false))
})

describe('the owner of an action', () => {
  const people = (...names: string[]) => names.map((name) => [name, 'Hello.'] as const)
  const ownerIn = async (speaker: string, text: string, ...others: string[]) => {
    const transcript = transcriptOf([...people(...others), [speaker, text, 900_000]])
    const sentence = (await sentencesOf(transcript)).at(-1)
    return sentence ? ownerOf(sentence, peopleOf(transcript)) : undefined
  }

  const cases: [speaker: string, text: string, owner: string | null][] = [
    ['Alice Chen', 'I will send it.', 'Alice Chen'],
    ['Alice Chen', 'Bob, can you send it?', 'Bob Stone'],
    ['Alice Chen', 'Okay, Bob, could you please send it?', 'Bob Stone'],
    ['Alice Chen', 'Could you send it, Bob?', 'Bob Stone'],
    ['Alice Chen', 'Please, Bob, send it.', 'Bob Stone'],
    ['Alice Chen', 'Bob will send it.', 'Bob Stone'],
    ['Alice Chen', 'Bob Stone will send it.', 'Bob Stone'],
    ['Alice Chen', 'Can you send it?', null],
    ['Alice Chen', 'Can you call Bob?', null],
    ['Alice Chen', 'Please invite Carol, Bob.', null],
    ['Alice Chen', 'Please invite Zoe, Bob.', null],
    ['Alice Chen', 'Zoe, can you send it?', null],
    ['Alice Chen', 'Carol and Bob will send it.', null],
    ['Alice Chen', 'I hope Bob will send it.', null],
    ['Alice Chen', 'Bob will not send it.', null],
    ['Alice Chen', 'Bob, can you send it and I will read it?', 'Bob Stone'],
    ['Alice Chen', 'Can you send it, and I will read it.', null],
    ['Alice Chen', 'Bob, can you send it, and I will read it.', null],
    ['Alice Chen', 'The bobsled will win.', null],
    ['Alice Chen', 'We need to send it by Friday.', null],
    ['Alice Chen', 'Sam, can you send it?', null],
    ['', 'I will send it.', null],
  ]
  test.each(cases)('%s says "%s": %s', async (speaker, text, owner) => {
    // two people are called Sam: the first name alone is nobody's
    expect(await ownerIn(speaker, text, 'Alice Chen', 'Bob Stone', 'Carol', 'Sam Lee', 'Sam Ray')).toBe(owner)
  })

  test('names that are words need their capital', async () => {
    expect(await ownerIn('Bob', 'The mark will be high and the mark will rise.', 'Mark', 'Bob')).toBeNull()
    expect(await ownerIn('Bob', 'Mark will send it.', 'Mark', 'Bob')).toBe('Mark')
    expect(await ownerIn('Bob', 'Will will send it.', 'Will', 'Bob')).toBe('Will')
    expect(await ownerIn('Bob', 'Will you send it?', 'Will', 'Bob')).toBeNull()
  })

  test('names with signs of patterns are taken as they are', async () => {
    expect(await ownerIn('Bob', 'C++ (ops) will send it.', 'C++ (ops)', 'Bob')).toBe('C++ (ops)')
    expect(assigns('x will y', peopleOf(transcriptOf([['.*', 'Hello.']])))).toBe(false)
  })
})
