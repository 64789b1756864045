// Finds a Java of version 25 or newer, without starting any: a JDK says in its file "release" what it is.
'use strict'

const fs = require('fs')
const os = require('os')
const path = require('path')

const NEEDED = 25
const EXECUTABLE = process.platform === 'win32' ? 'java.exe' : 'java'

/** The feature version of the Java in a folder, 0 when it holds none. */
function versionOf(home) {
  try {
    fs.accessSync(path.join(home, 'bin', EXECUTABLE))
    const release = fs.readFileSync(path.join(home, 'release'), 'utf8')
    const match = /^JAVA_VERSION="?(\d+)/m.exec(release)
    return match ? Number(match[1]) : 0
  } catch {
    return 0
  }
}

/** The home of a java on the PATH, through its links. */
function homeOnPath(environment) {
  for (const folder of (environment.PATH || '').split(path.delimiter)) {
    try {
      return path.dirname(path.dirname(fs.realpathSync(path.join(folder, EXECUTABLE))))
    } catch {
      // no java in this folder of the PATH
    }
  }
  return undefined
}

function within(folder, suffix = '') {
  try {
    return fs.readdirSync(folder).sort().reverse().map((name) => path.join(folder, name, suffix))
  } catch {
    return []
  }
}

/** Where a Java may be, most wanted first. */
function candidates(setting, environment) {
  return [
    setting,
    environment.STOWAGE_JAVA_HOME,
    environment.JAVA_HOME,
    homeOnPath(environment),
    ...within('/usr/lib/jvm'),
    ...within('/usr/java'),
    ...within('/opt/java'),
    ...within(path.join(os.homedir(), '.sdkman/candidates/java')),
    ...within(path.join(os.homedir(), '.jdks')),
    ...within('/Library/Java/JavaVirtualMachines', 'Contents/Home'),
    ...within('C:\\Program Files\\Eclipse Adoptium'),
    ...within('C:\\Program Files\\Java')
  ].filter(Boolean)
}

/** The first good executable, or undefined. */
function findJava(setting, environment) {
  const home = candidates(setting, environment).find((one) => versionOf(one) >= NEEDED)
  return home && path.join(home, 'bin', EXECUTABLE)
}

module.exports = { findJava, versionOf, NEEDED }
