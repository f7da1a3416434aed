/** The program as its user starts it: `unioncard demo` over an empty data folder, for the whole run. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { google } from './google'

/** A demo with its own PostgreSQL on a slow machine. */
const START_MAX_MS = 90_000
const STOP_MAX_MS = 15_000

function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer()
    server.once('error', failed)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => done(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

async function until(what: string, limitMs: number, held: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + limitMs
  while (!(await held())) {
    if (Date.now() > end) throw new Error(`${what} took more than ${limitMs / 1000} s`)
    await pause(100)
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Starts the demo; what is returned stops it and its PostgreSQL. */
export default async function start(): Promise<() => Promise<void>> {
  const program = resolve(process.env.UNIONCARD ?? '../../target/debug/unioncard')
  if (!existsSync(program)) throw new Error(`${program} is missing: cargo build --workspace --bin unioncard`)
  const data = mkdtempSync(join(tmpdir(), 'unioncard-browser-'))
  const listen = `127.0.0.1:${await freePort()}`
  const log = join(data, 'demo.log')
  const output = openSync(log, 'w')
  const { PATH, HOME } = process.env
  const wallets = await google(data)
  const child = spawn(program, ['demo'], {
    cwd: data,
    env: { PATH, HOME, DATA_DIR: data, LISTEN: listen, TRUSTED_PROXIES: '127.0.0.1', ...wallets.settings },
    stdio: ['ignore', output, output],
  })
  try {
    await until('the start of the demo', START_MAX_MS, async () => {
      if (child.exitCode !== null) throw new Error(`the demo ended with ${child.exitCode}`)
      const ready = await fetch(`http://${listen}/health/ready`).catch(() => undefined)
      return ready?.ok ?? false
    })
  } catch (error) {
    const told = readFileSync(log, 'utf8').slice(-3_000)
    await stop(child, data)
    wallets.close()
    throw new Error(`${error}\n${told}`)
  }
  process.env.BROWSER_DATA = data
  process.env.BROWSER_BASE = `http://${listen}`
  return () => stop(child, data).finally(wallets.close)
}

async function stop(child: ChildProcess, data: string): Promise<void> {
  const unwell = readFileSync(join(data, 'demo.log'), 'utf8').match(/^.* (WARN|ERROR) .*$/gm) ?? []
  if (unwell.length > 0) console.log(`The demo warned:\n${unwell.slice(-20).join('\n')}`)
  child.kill('SIGTERM')
  await until(
    'the stop of the demo',
    STOP_MAX_MS,
    () => child.exitCode !== null || child.signalCode !== null,
  ).catch(() => child.kill('SIGKILL'))
  // Its PostgreSQL stops with it, but not with one that had to be killed; this file's first line is its process.
  const lock = join(data, 'postgres', 'data', 'postmaster.pid')
  if (existsSync(lock)) {
    const postmaster = Number.parseInt(readFileSync(lock, 'utf8'), 10)
    if (alive(postmaster)) process.kill(postmaster, 'SIGINT')
    await until('the stop of PostgreSQL', STOP_MAX_MS, () => !alive(postmaster))
  }
  rmSync(data, { recursive: true, force: true })
}
