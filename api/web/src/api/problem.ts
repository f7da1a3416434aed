/** A refusal of the server (RFC 9457), or the lack of an answer, as an error to throw and to show. */

export interface FieldError {
  pointer: string
  detail: string
}

interface Body {
  type?: string
  title?: string
  status?: number
  detail?: string | null
  errors?: FieldError[] | null
}

export class Problem extends Error {
  readonly slug: string
  readonly status: number
  readonly title: string
  readonly detail: string
  readonly errors: FieldError[]
  /** Seconds to wait, where the server said so. */
  readonly retryAfter: number | undefined

  constructor(status: number, body: Body, retryAfter?: number) {
    super(body.detail ?? body.title ?? `HTTP ${status}`)
    this.name = 'Problem'
    this.slug =
      (body.type ?? '').replace(/^.*\/problems\//, '') || (status === 0 ? 'network' : `http-${status}`)
    this.status = status
    this.title = body.title ?? ''
    this.detail = body.detail ?? ''
    this.errors = body.errors ?? []
    this.retryAfter = retryAfter
  }

  /** The server was not reached: nothing is known about what it did. */
  get offline(): boolean {
    return this.status === 0
  }

  /** Nobody answered, or only what stands before the server did: whoever can goes on without it. */
  get unreachable(): boolean {
    return this.offline || (this.status >= 502 && this.status <= 504)
  }

  /** What is wrong with one field, by its JSON name; a query's parameter is told by its bare name. */
  field(name: string): string | undefined {
    return this.errors.find((error) => error.pointer.replace(/^#?\/?/, '') === name)?.detail
  }
}

/** The problem of an answer; a body that is no problem is told by its status alone. */
export function problemOf(response: Response, body: unknown): Problem {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  const shape = body !== null && typeof body === 'object' ? (body as Body) : {}
  return new Problem(response.status, shape, Number.isFinite(seconds) ? seconds : undefined)
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  return new Problem(0, { detail: error instanceof Error ? error.message : '' })
}
