/** Finds codes in pictures: the browser's own detector where it has one, else ZXing from our origin. */
import type { ReadInputBarcodeFormat } from 'zxing-wasm/reader'
import wasmUrl from 'zxing-wasm/reader/zxing_reader.wasm?url'

/** All codes it sees. */
export type Finder = (video: HTMLVideoElement) => Promise<string[]>
/** `card`: whatever a card's number is printed as; `qr`: nothing else is looked at. */
export type Wanted = 'card' | 'qr'

interface NativeDetector {
  detect: (source: HTMLVideoElement) => Promise<{ rawValue: string }[]>
}
interface NativeDetectorClass {
  new (options: { formats: string[] }): NativeDetector
  getSupportedFormats: () => Promise<string[]>
}

const NATIVE_FORMATS = { card: ['qr_code', 'code_128', 'ean_13', 'aztec', 'pdf417'], qr: ['qr_code'] }
const ZXING_FORMATS = {
  card: ['QRCode', 'Code128', 'EAN13', 'Aztec', 'PDF417'],
  qr: ['QRCode'],
} satisfies Record<Wanted, ReadInputBarcodeFormat[]>
/** A receipt may bear another QR beside its own. */
const MOST = { card: 1, qr: 4 }

export async function barcodeFinder(wanted: Wanted): Promise<Finder> {
  return (await nativeFinder(wanted)) ?? (await zxingFinder(wanted))
}

async function nativeFinder(wanted: Wanted): Promise<Finder | undefined> {
  const native = (globalThis as { BarcodeDetector?: NativeDetectorClass }).BarcodeDetector
  const supported = await native?.getSupportedFormats().catch((): string[] => [])
  if (!native || !supported?.includes('qr_code')) return undefined
  const formats = NATIVE_FORMATS[wanted].filter((format) => supported.includes(format))
  const detector = new native({ formats })
  return async (video) => (await detector.detect(video)).map(({ rawValue }) => rawValue)
}

async function zxingFinder(wanted: Wanted): Promise<Finder> {
  const { prepareZXingModule, readBarcodes } = await import('zxing-wasm/reader')
  prepareZXingModule({ overrides: { locateFile: () => wasmUrl } })
  const canvas = document.createElement('canvas')
  const drawing = canvas.getContext('2d', { willReadFrequently: true })
  return async (video) => {
    if (!drawing || video.videoWidth === 0) return []
    canvas.width = video.videoWidth
    canvas.height = video.videoHeight
    drawing.drawImage(video, 0, 0)
    const picture = drawing.getImageData(0, 0, canvas.width, canvas.height)
    const found = await readBarcodes(picture, {
      formats: ZXING_FORMATS[wanted],
      tryHarder: true,
      maxNumberOfSymbols: MOST[wanted],
    })
    return found.map(({ text }) => text)
  }
}
