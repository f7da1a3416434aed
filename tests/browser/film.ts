/** What a camera sees: films of one picture, in the form Chromium's own test camera plays (YUV4MPEG2). */
import { writeFileSync } from 'node:fs'
import type { Page } from '@playwright/test'
import { encode } from 'uqr'

const WIDTH = 640
const HEIGHT = 480
const SIDE = 400
const FRAMES = 5
/** Black and white as a video has them. */
const BLACK = 16
const WHITE = 235
const GREY = 150

/** A film of a picture that is `SIDE` square on a grey wall; without one of a blank sheet. */
export function film(file: string, isDark: (x: number, y: number) => boolean = () => false): void {
  const brightness = Buffer.alloc(WIDTH * HEIGHT, GREY)
  const [left, top] = [(WIDTH - SIDE) / 2, (HEIGHT - SIDE) / 2]
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      brightness[(y + top) * WIDTH + x + left] = isDark(x, y) ? BLACK : WHITE
    }
  }
  const frame = Buffer.concat([Buffer.from('FRAME\n'), brightness, Buffer.alloc((WIDTH * HEIGHT) / 2, 128)])
  const header = Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F15:1 Ip A1:1 C420\n`)
  writeFileSync(file, Buffer.concat([header, ...Array<Buffer>(FRAMES).fill(frame)]))
}

/** A film of the code of a member's card, as the server draws it for whoever is signed in on that page. */
export async function filmOfCard(file: string, page: Page): Promise<void> {
  const dark = await page.evaluate(async (side) => {
    const headers = { 'X-Session': 'member' }
    const { items } = await (await fetch('/v1/me/cards', { headers })).json()
    const png = await fetch(`/v1/me/cards/${items[0].id}/code.png?size=${side}`, { headers })
    const picture = await createImageBitmap(await png.blob())
    const canvas = new OffscreenCanvas(side, side)
    const drawing = canvas.getContext('2d')
    drawing?.drawImage(picture, 0, 0, side, side)
    const pixels = drawing?.getImageData(0, 0, side, side).data ?? []
    return Array.from({ length: side * side }, (_, place) => ((pixels[place * 4] ?? 255) < 128 ? 1 : 0))
  }, SIDE)
  film(file, (x, y) => dark[y * SIDE + x] === 1)
}

/** A film of a text as a code, as a till prints it. */
export function filmOfText(file: string, text: string): void {
  const { data, size } = encode(text, { ecc: 'M', border: 4 })
  film(file, (x, y) => data[Math.floor((y * size) / SIDE)]?.[Math.floor((x * size) / SIDE)] ?? false)
}
