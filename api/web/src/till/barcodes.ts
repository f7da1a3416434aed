/** Finds codes in pictures: the browser's own detector where it has one, else ZXing from our origin. */
import wasmUrl from 'zxing-wasm/reader/zxing_reader.wasm?url'

export type Finder = (video: HTMLVideoElement) => Promise<string | undefined>

interface NativeDetector {
  detect: (source: HTMLVideoElement) => Promise<{ rawValue: string }[]>
}
interface NativeDetectorClass {
  new (options: { formats: string[] }): NativeDetector
  getSupportedFormats: () => Promise<string[]>
}

const NATIVE_FORMATS = ['qr_code', 'code_128', 'ean_13', 'aztec', 'pdf417']

export async function barcodeFinder(): Promise<Finder> {
  return (await nativeFinder()) ?? (await zxingFinder())
}

async function nativeFinder(): Promise<Finder | undefined> {
  const native = (globalThis as { BarcodeDetector?: NativeDetectorClass }).BarcodeDetector
  const supported = await native?.getSupportedFormats().catch((): string[] => [])
  if (!native || !supported?.includes('qr_code')) return undefined
  const detector = new native({ formats: NATIVE_FORMATS.filter((format) => supported.includes(format)) })
  return async (video) => (await detector.detect(video))[0]?.rawValue
}

async function zxingFinder(): Promise<Finder> {
  const { prepareZXingModule, readBarcodes } = await import('zxing-wasm/reader')
  prepareZXingModule({ overrides: { locateFile: () => wasmUrl } })
  const canvas = document.createElement('canvas')
  const drawing = canvas.getContext('2d', { willReadFrequently: true })
  return async (video) => {
    if (!drawing || video.videoWidth === 0) return undefined
    canvas.width = video.videoWidth
    canvas.height = video.videoHeight
    drawing.drawImage(video, 0, 0)
    const picture = drawing.getImageData(0, 0, canvas.width, canvas.height)
    const found = await readBarcodes(picture, {
      formats: ['QRCode', 'Code128', 'EAN13', 'Aztec', 'PDF417'],
      tryHarder: true,
      maxNumberOfSymbols: 1,
    })
    return found[0]?.text
  }
}
