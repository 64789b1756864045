// Starts the language server that lies beside this file, and connects the editor to it.
'use strict'

const path = require('path')
const vscode = require('vscode')
const { LanguageClient, State } = require('vscode-languageclient/node')
const { findJava, NEEDED } = require('./java')

// The JVM's own messages go to stderr: on stdout they would stand in the middle of the protocol.
const JVM = [
  '-Xlog:disable',
  '-Xlog:all=error:stderr',
  '-XX:TieredStopAtLevel=1',
  '-XX:+UseSerialGC',
  '--sun-misc-unsafe-memory-access=allow'
]

let client

async function start(context) {
  const java = findJava(vscode.workspace.getConfiguration('stowage').get('java.home'), process.env)
  if (!java) {
    const settings = 'Open Settings'
    const chosen = await vscode.window.showErrorMessage(
      `Stowage needs Java ${NEEDED} or newer and found none: install one, or name its folder in the setting stowage.java.home.`,
      settings
    )
    if (chosen === settings) {
      await vscode.commands.executeCommand('workbench.action.openSettings', 'stowage.java.home')
    }
    return
  }
  const jar = path.join(context.extensionPath, 'server', 'stowage-lsp.jar')
  client = new LanguageClient(
    'stowage',
    'Stowage',
    { command: java, args: [...JVM, '-jar', jar] },
    {
      documentSelector: [{ language: 'stow' }],
      synchronize: { fileEvents: vscode.workspace.createFileSystemWatcher('**/*.stow') }
    }
  )
  await client.start()
}

async function stop() {
  const running = client
  client = undefined
  if (running && running.state !== State.Stopped) {
    await running.stop()
  }
}

async function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand('stowage.restart', async () => {
      await stop()
      await start(context)
    })
  )
  await start(context)
}

module.exports = { activate, deactivate: stop }
