/** `text/event-stream`, read from a streamed fetch: `EventSource` sends no header. */

export interface ServerEvent {
  event: string
  data: string
}

/** Takes the text as it comes, in pieces of any size, and gives the events that are complete. */
export class EventReader {
  #rest = ''

  push(text: string): ServerEvent[] {
    // A CRLF cut in two is whole again with the next piece.
    const blocks = (this.#rest + text).replaceAll('\r\n', '\n').split('\n\n')
    this.#rest = blocks.pop() ?? ''
    return blocks.map(parseBlock).filter((event) => event !== undefined)
  }
}

function parseBlock(block: string): ServerEvent | undefined {
  let event = 'message'
  const data: string[] = []
  for (const line of block.split('\n')) {
    const found = /^(event|data): ?(.*)$/.exec(line)
    if (found?.[1] === 'event') event = found[2] ?? event
    if (found?.[1] === 'data') data.push(found[2] ?? '')
  }
  return data.length > 0 || event !== 'message' ? { event, data: data.join('\n') } : undefined
}
