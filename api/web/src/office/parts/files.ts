/** Files in and out: forms with a file, CSV made here, downloads with the session's headers. */
import { asProblem, Problem, problemOf } from '../../api/problem'
import { sessionFetch } from '../../api/session'

/** A multipart body; the browser writes its own `Content-Type` with the boundary. */
export function formOf(fields: Record<string, string | File | undefined>): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) form.append(name, value)
  }
  return form
}

/** CSV that spreadsheets open as it is: UTF-8 with its mark, and no cell that would be read as a formula. */
export function csvOf(rows: string[][]): string {
  const line = (cells: string[]) => cells.map(cellOf).join(';')
  return `\ufeff${rows.map(line).join('\r\n')}\r\n`
}

function cellOf(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) && !/^-?\d+([.,]\d+)?$/.test(text) ? `'${text}` : text
  return /[";\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

export function saveFile(content: Blob, name: string): void {
  const address = URL.createObjectURL(content)
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 60_000)
}

/** Fetches a file of the API, which a plain link can't: it wouldn't carry the session's header. */
export async function download(path: string, name: string): Promise<void> {
  try {
    const answer = await sessionFetch(new Request(path))
    if (!answer.ok) throw problemOf(answer, await answer.json().catch(() => null))
    saveFile(await answer.blob(), name)
  } catch (error) {
    throw error instanceof Problem ? error : asProblem(error)
  }
}
