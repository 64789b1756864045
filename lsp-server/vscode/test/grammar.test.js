'use strict'

const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const { test } = require('node:test')

const root = path.join(__dirname, '..')
const colours = JSON.parse(fs.readFileSync(path.join(root, 'syntaxes/stow.tmLanguage.json'), 'utf8'))

function words(rule) {
  return [...rule.match.matchAll(/[A-Za-z][A-Za-z0-9]*/g)].map((one) => one[0])
}

test('every keyword of the language has a colour', () => {
  const grammar = fs.readFileSync(
    path.join(root, '../../dsl/src/main/xtext/dev/stowage/dsl/Stow.xtext'), 'utf8')
  const withoutWords = grammar.slice(0, grammar.indexOf('One word per meaning'))
  const coloured = new Set([
    ...words(colours.repository.statement),
    ...colours.repository.keyword.patterns.flatMap(words)
  ])
  const keywords = new Set([...withoutWords.matchAll(/'([a-z][a-z0-9]+)'/g)].map((one) => one[1]))
  const plain = new Set(['bit', 'layer', 'layers']) // a part of 4-bit; a unit or the start of a selector
  const missing = [...keywords].filter((word) => !coloured.has(word) && !plain.has(word))
  assert.ok(keywords.size > 40, `only ${keywords.size} keywords were found`)
  assert.deepStrictEqual(missing, [])
})

test('every pattern is a regular expression', () => {
  const visit = (value) => {
    if (value && typeof value === 'object') {
      for (const [key, inner] of Object.entries(value)) {
        if (['match', 'begin', 'end'].includes(key)) {
          assert.doesNotThrow(() => new RegExp(inner), inner)
        }
        visit(inner)
      }
    }
  }
  visit(colours)
})
