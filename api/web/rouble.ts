import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import subsetFont from 'subset-font'
import type { Plugin } from 'vite'

/** Where the cut font lies until it is built in. */
const CUT = fileURLToPath(new URL('./node_modules/.cache/unioncard/inter-rouble.woff2', import.meta.url))

/**
 * The rouble sign as a font of its own: the package has it among the 85 kB of latin-ext alone. It is cut when the pages
 * are built, and styles name it `inter-rouble.woff2`.
 */
export function roubleSign(): Plugin {
  return {
    name: 'unioncard-rouble-sign',
    async config() {
      const from = createRequire(import.meta.url).resolve(
        '@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2',
      )
      const cut = await subsetFont(await readFile(from), '₽', { targetFormat: 'woff2' })
      await mkdir(dirname(CUT), { recursive: true })
      await writeFile(CUT, cut)
      return { resolve: { alias: { 'inter-rouble.woff2': CUT } } }
    },
  }
}
