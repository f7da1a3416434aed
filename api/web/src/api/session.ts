/**
 * The cookie session of a page. Cookies are HttpOnly and renewed here: the access cookie lives 15 minutes,
 * the refresh cookie works once, so tabs of one browser take turns through a lock.
 */

/** Which of the three sessions this page uses: `member`, `till` or `office`. */
export const sessionName = document.documentElement.dataset.session ?? 'member'

const CSRF = `__Host-${sessionName}-csrf`
const RENEWED = `unioncard.${sessionName}.renewed`
const SAFE = new Set(['GET', 'HEAD'])
/** An answer begins sooner; a network that swallows packets would keep a phone or a till waiting for minutes. */
const ANSWER_MS = 30_000

let language = 'ru'
let onEnd: () => void = () => {}

export function setRequestLanguage(value: string): void {
  language = value
}

/** What to do when the session is over. */
export function whenSessionEnds(action: () => void): void {
  onEnd = action
}

function csrf(): string | undefined {
  const found = document.cookie.split('; ').find((pair) => pair.startsWith(`${CSRF}=`))
  return found?.slice(CSRF.length + 1)
}

/** Whether somebody has signed in here: the readable cookie of the session tells. */
export function mayBeSignedIn(): boolean {
  return csrf() !== undefined
}

async function send(request: Request): Promise<Response> {
  const headers = new Headers(request.headers)
  headers.set('X-Session', sessionName)
  headers.set('Accept-Language', language)
  const token = csrf()
  if (token && !SAFE.has(request.method)) headers.set('X-CSRF-Token', token)
  const begins = SAFE.has(request.method) && sessionName !== 'office'
  if (!begins) return fetch(new Request(request, { headers, credentials: 'same-origin' }))
  const late = new AbortController()
  const given = request.signal
  const giveUp = () => late.abort(given.reason)
  if (given.aborted) giveUp()
  given.addEventListener('abort', giveUp, { once: true })
  const timer = setTimeout(() => late.abort(new DOMException('', 'TimeoutError')), ANSWER_MS)
  try {
    return await fetch(new Request(request, { headers, credentials: 'same-origin', signal: late.signal }))
  } finally {
    clearTimeout(timer)
    given.removeEventListener('abort', giveUp)
  }
}

function renewedAt(): number {
  try {
    return Number(localStorage.getItem(RENEWED) ?? 0)
  } catch {
    return 0
  }
}

/** Renews the session unless another tab has done so since `since`. */
async function renew(since: number): Promise<boolean> {
  const work = async () => {
    if (renewedAt() > since) return true
    const request = new Request('/v1/auth/refresh', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{}',
    })
    const answer = await send(request)
    if (answer.status === 429 || answer.status >= 500)
      throw new TypeError('the session could not be renewed now')
    if (!answer.ok) return false
    try {
      localStorage.setItem(RENEWED, String(Date.now()))
    } catch {
      // Without storage each tab renews for itself.
    }
    return true
  }
  return navigator.locks ? navigator.locks.request(`unioncard.${sessionName}.renew`, work) : work()
}

/** `fetch` with the session's headers; a 401 is answered by one renewal and one repetition. */
export async function sessionFetch(request: Request): Promise<Response> {
  const again = request.clone()
  const since = Date.now()
  const answer = await send(request)
  const signingIn = /^\/v1\/auth\//.test(new URL(request.url).pathname)
  if (answer.status !== 401 || signingIn) return answer
  if (mayBeSignedIn() && (await renew(since))) {
    const repeated = await send(again)
    if (repeated.status !== 401) return repeated
  }
  onEnd()
  return answer
}
