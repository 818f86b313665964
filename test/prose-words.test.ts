import { expect, it } from 'vitest'
import { faultsOf, MAX_SENTENCE_WORDS, PAGE_TURNS, TURNS, WORDS } from '../scripts/prose-words.js'

it.each(PAGE_TURNS)('finds: $such', (turn) => {
  expect(faultsOf(turn.such, [turn])).toHaveLength(1)
})

it('lets pass what is written instead, and quotations', () => {
  for (const sentence of [
    'The hub renews credentials 60 to 90 s before the end.',
    'Events sent before the join are lost.',
    'If a worker needs credentials but no tab is attached to it directly, it gives up the socket.',
    'A window accepts shared data only if that fetch started after its own last fetch.',
    'The status says "disconnected; what was sent is lost" and no more.',
    'What is the identity?',
  ])
    expect(faultsOf(sentence, PAGE_TURNS), sentence).toEqual([])
})

it('holds a comment to less than a page, and counts words', () => {
  expect(WORDS.length).toBeLessThan(TURNS.length)
  expect(TURNS.length).toBeLessThan(PAGE_TURNS.length)
  const long = Array.from({ length: MAX_SENTENCE_WORDS }, () => 'word').join(' ')
  expect(faultsOf(`${long}.`, WORDS)).toEqual([])
  expect(faultsOf(`${long} more.`, WORDS)).toHaveLength(1)
})
