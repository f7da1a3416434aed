/** Two languages, Russian first; the texts of a page are loaded for the chosen one alone. */
import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'
import { setRequestLanguage } from '../api/session'

export const LANGUAGES = ['ru', 'en'] as const
export type Language = (typeof LANGUAGES)[number]
export type Texts = { [key: string]: string | Texts }
export type TextLoaders = Record<Language, () => Promise<{ default: Texts }>>

const STORED = 'unioncard.language'

let loaders: TextLoaders | undefined

export function storedLanguage(): Language | undefined {
  try {
    const stored = localStorage.getItem(STORED)
    return LANGUAGES.find((language) => language === stored)
  } catch {
    return undefined
  }
}

/** Loads the texts, before the first drawing. */
export async function startTexts(of: TextLoaders): Promise<void> {
  loaders = of
  const language = storedLanguage() ?? 'ru'
  const texts = await of[language]()
  await i18next.use(initReactI18next).init({
    lng: language,
    resources: { [language]: { translation: texts.default } },
    interpolation: { escapeValue: false },
    returnNull: false,
  })
  apply(language)
}

function apply(language: Language): void {
  document.documentElement.lang = language
  document.title = i18next.t('pageTitle')
  setRequestLanguage(language)
}

/** Changes the language of the page; `remember` keeps it for this browser. */
export async function speak(language: Language, remember = true): Promise<void> {
  if (remember) {
    try {
      localStorage.setItem(STORED, language)
    } catch {
      // Without storage the choice lasts until the page is closed.
    }
  }
  if (!i18next.hasResourceBundle(language, 'translation') && loaders) {
    i18next.addResourceBundle(language, 'translation', (await loaders[language]()).default)
  }
  await i18next.changeLanguage(language)
  apply(language)
}
