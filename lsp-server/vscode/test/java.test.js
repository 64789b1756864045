'use strict'

const assert = require('node:assert')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { test } = require('node:test')
const { findJava, versionOf } = require('../src/java')

function fakeJdk(version) {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'stowage-jdk-'))
  fs.mkdirSync(path.join(home, 'bin'))
  fs.writeFileSync(path.join(home, 'bin', process.platform === 'win32' ? 'java.exe' : 'java'), '')
  fs.writeFileSync(path.join(home, 'release'), `IMPLEMENTOR="x"\nJAVA_VERSION="${version}"\n`)
  return home
}

test('reads the feature version from the release file', () => {
  assert.strictEqual(versionOf(fakeJdk('25.0.3')), 25)
  assert.strictEqual(versionOf(fakeJdk('26-ea')), 26)
  assert.strictEqual(versionOf(path.join(os.tmpdir(), 'no-such-jdk')), 0)
})

test('the setting wins over the environment', () => {
  const wanted = fakeJdk('25')
  const other = fakeJdk('26')
  assert.ok(findJava(wanted, { JAVA_HOME: other }).startsWith(wanted))
})

test('a Java that is too old is passed over', () => {
  const old = fakeJdk('17.0.15')
  const good = fakeJdk('25.0.1')
  assert.ok(findJava(old, { JAVA_HOME: good }).startsWith(good))
})
