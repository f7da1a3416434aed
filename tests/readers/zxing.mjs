/**
 * What ZXing reads of pictures: `node zxing.mjs FILE…`, or a file a line on standard input. For each a line: the texts
 * of all codes found, as a list in JSON.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

// The same reader that the pages load where the browser has none of its own.
const pages = createRequire(new URL('../../api/web/package.json', import.meta.url))
const { prepareZXingModule, readBarcodes } = pages('zxing-wasm/reader')
prepareZXingModule({ overrides: { wasmBinary: readFileSync(pages.resolve('zxing-wasm/reader/zxing_reader.wasm')) } })

const files = process.argv.length > 2 ? process.argv.slice(2) : createInterface({ input: process.stdin })
for await (const file of files) {
  const found = await readBarcodes(readFileSync(file), {
    formats: ['QRCode', 'Code128', 'EAN13'],
    tryHarder: true,
    maxNumberOfSymbols: 255,
  })
  console.log(JSON.stringify(found.filter(({ isValid }) => isValid).map(({ text }) => text)))
}
