/** Language and theme, the same two switches on every page. */
import { SegmentedControl, useMantineColorScheme } from '@mantine/core'
import { type Language, speak } from './i18n'
import { useWords } from './words'

export function LanguageSwitch({
  onChange,
  size = 'sm',
}: {
  onChange?: (to: Language) => void
  size?: string
}) {
  const { t, language } = useWords()
  return (
    <SegmentedControl
      aria-label={t('language')}
      size={size}
      value={language}
      data={[
        { value: 'ru', label: 'Русский' },
        { value: 'en', label: 'English' },
      ]}
      onChange={(value) => {
        const to: Language = value === 'en' ? 'en' : 'ru'
        void speak(to)
        onChange?.(to)
      }}
    />
  )
}

export function ThemeSwitch({ size = 'sm' }: { size?: string }) {
  const { t } = useWords()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  return (
    <SegmentedControl
      aria-label={t('theme.name')}
      size={size}
      value={colorScheme}
      data={[
        { value: 'auto', label: t('theme.auto') },
        { value: 'light', label: t('theme.light') },
        { value: 'dark', label: t('theme.dark') },
      ]}
      onChange={(value) => setColorScheme(value === 'dark' ? 'dark' : value === 'light' ? 'light' : 'auto')}
    />
  )
}
